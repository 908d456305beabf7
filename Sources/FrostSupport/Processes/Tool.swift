package import Foundation

/// A program of the host that we call, and how to get it.
package struct Tool: Sendable, Hashable {
    package let name: String
    /// The Debian package that brings it; nil: it comes with the Swift toolchain.
    package let package: String?
    package let purpose: String

    package static let nasm = Tool("nasm", package: "nasm", purpose: "assembles the hypervisor")
    package static let clang = Tool("clang", package: nil, purpose: "compiles the hypervisor")
    package static let linker = Tool("ld.lld", package: nil, purpose: "links the hypervisor")
    package static let peLinker = Tool("lld-link", package: nil, purpose: "links the loader for UEFI")
    package static let objcopy = Tool("llvm-objcopy", package: nil, purpose: "makes flat binaries")
    package static let symbolizer = Tool(
        "llvm-symbolizer", package: nil, purpose: "names the hypervisor's source lines in verdicts")
    package static let qemu = Tool(
        "qemu-system-x86_64", package: "qemu-system-x86", purpose: "boots images (qemu-tcg, qemu-kvm)")
    package static let bochs = Tool("bochs", package: "bochs", purpose: "boots images (bochs)")
    package static let virsh = Tool(
        "virsh", package: "libvirt-clients", purpose: "shows libvirt's machines, and starts them by hand")
    package static let env = Tool(
        "env", package: "coreutils", purpose: "starts Bochs in the run's folder, and scripts")
    package static let setpriv = Tool(
        "setpriv", package: "util-linux", purpose: "ends the emulator when frost is killed")
    package static let dmesg = Tool(
        "dmesg", package: "util-linux", purpose: "tells whether the kernel found the RAM encrypted")
    package static let bash = Tool("bash", package: "bash", purpose: "runs a recipe's prepare script")
    package static let ssh = Tool("ssh", package: "openssh-client", purpose: "logs in to guests")
    package static let sshKeygen = Tool(
        "ssh-keygen", package: "openssh-client", purpose: "makes keys, signs images and checks who did")
    package static let sbsign = Tool("sbsign", package: "sbsigntool", purpose: "signs images for Secure Boot")
    package static let tpm2 = Tool(
        "tpm2", package: "tpm2-tools", purpose: "talks to TPMs: enrolment, quotes")
    package static let swtpm = Tool("swtpm", package: "swtpm", purpose: "is a machine's TPM")
    package static let git = Tool(
        "git", package: "git", purpose: "tells which revision a hypervisor is built of")
    package static let mmdebstrap = Tool(
        "mmdebstrap", package: "mmdebstrap", purpose: "installs the Debian guest")
    package static let cryptsetup = Tool(
        "cryptsetup", package: "cryptsetup-bin", purpose: "encrypts the Debian guest's disk")
    package static let cpio = Tool("cpio", package: "cpio", purpose: "packs the Linux guest's initrd")
    package static let busybox = Tool(
        "busybox", package: "busybox-static", purpose: "is the Linux guest's user space")
    package static let dpkgDeb = Tool(
        "dpkg-deb", package: "dpkg", purpose: "unpacks the Linux guest's kernel")
    package static let xz = Tool("xz", package: "xz-utils", purpose: "unpacks kernels (xz, lzma)")
    package static let gzip = Tool(
        "gzip", package: "gzip", purpose: "unpacks kernels (gzip), packs the initrd")
    package static let zstd = Tool("zstd", package: "zstd", purpose: "unpacks kernels (zstd)")
    package static let lz4 = Tool("lz4", package: "lz4", purpose: "unpacks kernels (lz4)")
    package static let bzip2 = Tool("bzip2", package: "bzip2", purpose: "unpacks kernels (bzip2)")

    /// Without these no image can be built and booted.
    package static let required = [nasm, clang, linker, peLinker, objcopy, qemu]
    /// Needed by some guests only.
    package static let optional = [
        symbolizer, setpriv, dmesg, bochs, virsh, bash, cpio, busybox, dpkgDeb, xz, gzip, zstd, lz4,
        bzip2, ssh, mmdebstrap, cryptsetup, git, sbsign, tpm2, swtpm,
    ]

    private init(_ name: String, package: String?, purpose: String) {
        self.name = name
        self.package = package
        self.purpose = purpose
    }

    private var versionArguments: [String] {
        switch self {
        case .busybox, .bochs: ["--help"]
        case .ssh: ["-V"]
        default: ["--version"]
        }
    }

    /// The first line with a digit of what it says of itself; nil: it is missing.
    package var version: String? {
        guard let executable = try? locate(), let child = try? ChildProcess(executable, versionArguments)
        else {
            return nil
        }
        let said = child.collect()
        return String(decoding: said.output + said.error, as: UTF8.self).split(whereSeparator: \.isNewline)
            .first { $0.contains(where: \.isNumber) }
            .map { $0.trimmingCharacters(in: .whitespaces) }
    }

    /// What to type to get it.
    package var installLine: String {
        if let package { return "apt-get install -y \(package)" }
        return "install the Swift toolchain from https://swift.org/install and put its bin folder on PATH"
    }

    /// The first of that name on PATH; the Swift toolchain's own tools are preferred to the distribution's.
    /// - Throws: ``Failure/missing(_:)``
    package func locate() throws(Failure) -> URL {
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin").split(separator: ":")
        let preferred = package == nil ? folders.filter { Self.isExecutable("\($0)/swift") } : []
        for folder in preferred + folders where Self.isExecutable("\(folder)/\(name)") {
            return URL(filePath: "\(folder)/\(name)")
        }
        throw .missing(self)
    }

    private static func isExecutable(_ path: String) -> Bool {
        FileManager.default.isExecutableFile(atPath: path)
    }

    /// Runs to the end, in a folder where one is given, and returns what it said.
    /// - Throws: ``Failure`` when it is missing or ends in failure; `task` then says what it was about.
    @discardableResult
    package func run(
        _ arguments: [String], for task: String, in folder: URL? = nil, input: ChildStream = .none,
        error: ChildStream = .pipe
    ) throws -> [UInt8] {
        var program = try locate(), arguments = arguments
        if let folder {
            arguments = ["-C", folder.plainPath, program.absoluteURL.plainPath] + arguments
            program = try Self.env.locate()
        }
        let child = try ChildProcess(program, arguments, input: input, error: error)
        let (end, output, errors) = child.collect()
        guard end.isSuccess else {
            let words = String(decoding: errors.isEmpty ? output : errors, as: UTF8.self)
            throw Failure.failed(
                name, task: task, words: words.trimmingCharacters(in: .whitespacesAndNewlines))
        }
        return output
    }

    package enum Failure: Explained, Equatable {
        case missing(Tool)
        case failed(String, task: String, words: String)

        package var exitCode: ExitCode {
            switch self {
            case .missing: .unavailable
            case .failed: .badInput
            }
        }

        package var description: String {
            switch self {
            case .missing(let tool):
                "\(tool.name), which \(tool.purpose), is missing: \(tool.installLine)."
            case .failed(let name, let task, let words):
                "\(name) failed to \(task). It said:\n\(words)"
            }
        }
    }
}
