package import FrostFormat
package import FrostSupport

/// Which CPU the machine shows.
package enum CPUChoice: Sendable, Equatable {
    case intel
    case amd
    /// The emulator's own name of a model: `corei7_haswell_4770` (Bochs), `max,-aes` (QEMU).
    case named(String)

    /// - Throws: ``Failure/badName(_:)``
    package init(parsing text: String) throws(Failure) {
        switch text {
        case "intel": self = .intel
        case "amd": self = .amd
        default:
            // It becomes a line of Bochs's settings, or one of QEMU's options.
            let isName = text.allSatisfy {
                $0.isASCII && ($0.isLetter || $0.isNumber || "_.,+-=".contains($0))
            }
            guard isName && !text.isEmpty else { throw .badName(text) }
            self = .named(text)
        }
    }

    /// The CPU that runs an image's engine on an emulator that has both.
    package init(for engine: EngineChoice?) {
        self = engine == .svm ? .amd : .intel
    }

    package enum Failure: Explained, Equatable {
        case badName(String)

        package var exitCode: ExitCode { .usage }

        package var description: String {
            switch self {
            case .badName(let name):
                "'\(name)' is no name of a CPU. Use intel, amd, or a model as Bochs or QEMU spell it."
            }
        }
    }
}
