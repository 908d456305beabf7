import FrostCore
@testable import FrostImage
@testable import FrostMachine
@testable import FrostProof
import FrostSupport
import Testing

extension BootTests {
    /// What the guest's pages are sealed under while it runs.
    @Suite("Session keys") struct SessionKeys {
        static let fault = "session-of-cpu"

        private struct Keys {
            var image: [UInt8]
            var session: [UInt8]
        }

        /// Of a machine whose random numbers are those of every other with this seed.
        private static func keys(in tree: SourceTree) throws -> Keys {
            var keys: Keys?
            let result = try Sealed(Recipe(named: "secret", in: tree), in: tree).run { options in
                options.seed = 7
                options.hooks = [
                    Hook(.launch) { machine in
                        try machine.pauseInGuest()
                        let view = try FrozenView(machine)
                        let image = try view.rawKey(PAGE_IMAGED)
                        keys = Keys(image: image, session: try view.rawKey(PAGE_SEALED))
                        machine.stop()
                    }
                ]
            }
            return try #require(keys, "\(result.story)")
        }

        @Test("Who knows the CPU's random numbers does not know the session key", .timeLimit(.minutes(2)))
        func mixed() throws {
            let tree = try BootTests.tree()
            let numbers = try Fault(named: Self.fault, in: tree).inject(into: tree) {
                try Self.keys(in: $0).session
            }
            let keys = try Self.keys(in: tree)
            #expect(keys.session != numbers)
            var work = pbkdf2(), expected = [UInt8](repeating: 0, count: Int(SHA256_BYTES))
            pbkdf2_sha256(&work, keys.image, keys.image.count, numbers, numbers.count, 1, &expected)
            #expect(keys.session == expected)
        }
    }
}
