package import Foundation
import FrostSupport
import Glibc

/// A TPM: swtpm, with an endorsement key, a certificate of it by a CA of its own, and nothing measured yet.
package final class SampleTPM {
    /// A maker of TPMs, whose CA is as made up as they are.
    package final class Maker: Sendable {
        private let scratch: Scratch
        /// Of the CA, from the root on.
        package let certificates: [URL]
        fileprivate var state: URL { scratch.url.appending(path: "state", directoryHint: .isDirectory) }

        package init() throws {
            scratch = try Scratch()
            let path = scratch.url.plainPath
            certificates = ["swtpm-localca-rootca-cert.pem", "issuercert.pem"].map { [scratch] in
                scratch.url.appending(path: $0)
            }
            let script = """
                cd \(path)
                mkdir state
                cat >ca.conf <<'END'
                statedir = \(path)
                signingkey = \(path)/signkey.pem
                issuercert = \(path)/issuercert.pem
                certserial = \(path)/certserial
                END
                cat >setup.conf <<'END'
                create_certs_tool = $(command -v swtpm_localca)
                create_certs_tool_config = \(path)/ca.conf
                create_certs_tool_options = /etc/swtpm-localca.options
                END
                sed -i "s,\\$(command -v swtpm_localca),$(command -v swtpm_localca)," setup.conf
                swtpm_setup --tpm2 --tpmstate state --create-ek-cert --config setup.conf \
                    --pcr-banks sha1,sha256,sha384
                """
            try Tool.bash.run(["-ec", script], for: "make a TPM")
        }

        /// The one that most tests are content with.
        package static let known = Result { try Maker() }
    }

    package let scratch: Scratch
    private let process: pid_t
    private let port: UInt16
    /// As tpm2-tools take it.
    package var connection: String { "swtpm:port=\(port)" }

    package init(by maker: Maker? = nil) throws {
        let maker = try maker ?? Maker.known.get()
        scratch = try Scratch()
        let state = scratch.url.appending(path: "state", directoryHint: .isDirectory)
        try FileManager.default.copyItem(at: maker.state, to: state)
        for _ in 0..<20 {
            let port = UInt16.random(in: 20_000..<32_000)
            let child = try ChildProcess(
                Tool.swtpm.locate(),
                [
                    "socket", "--tpm2", "--tpmstate", "dir=\(state.plainPath)", "--server",
                    "type=tcp,port=\(port)",
                    "--ctrl", "type=tcp,port=\(port + 1)", "--flags", "not-need-init,startup-clear",
                ], output: .none, error: .none)
            // It ends at once where somebody has the port.
            for _ in 0..<200 where child.end(waiting: false) == nil {
                if Self.listens(port + 1) && Self.listens(port) {
                    (process, self.port) = (child.identifier, port)
                    return
                }
                usleep(10_000)
            }
            child.send(SIGKILL)
            _ = child.end(waiting: true)
        }
        throw POSIXError(.EADDRINUSE)
    }

    deinit {
        kill(process, SIGTERM)
        _ = ChildProcess.reap(process, waiting: true)
    }

    /// By the kernel's table, as a connection would be the one that it serves.
    private static func listens(_ port: UInt16) -> Bool {
        let row = ":" + String(format: "%04X", Int(port)) + " 00000000:0000 0A"
        return (try? String(contentsOfFile: "/proc/net/tcp", encoding: .utf8))?.contains(row) ?? false
    }

    package func file(_ name: String) -> URL { scratch.url.appending(path: name) }

    /// A tool of tpm2-tools, in the TPM's folder.
    @discardableResult
    package func run(_ words: String) throws -> String {
        let said = try Tool.tpm2.run(
            words.split(separator: " ").map(String.init)
                + (words.hasPrefix("checkquote") ? [] : ["--tcti", connection]), for: words,
            in: scratch.url)
        return String(decoding: said, as: UTF8.self)
    }

    /// A key for quotes at a persistent handle, and its public area in `NAME.pub`.
    package func makeKey(_ name: String, _ scheme: String, handle: String) throws {
        try run("createak -C 0x81010001 -c \(name).ctx \(scheme) -g sha256 -u \(name).pub -n \(name).name")
        try run("flushcontext -t")
        try run("evictcontrol -C o -c \(name).ctx \(handle)")
    }
}
