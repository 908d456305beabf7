public import Foundation

/// A program of the host that we call, and how to get it.
public struct Tool: Sendable, Hashable {
    public let name: String
    /// The Debian package that brings it; nil: it comes with the Swift toolchain.
    public let package: String?
    public let purpose: String

    public static let nasm = Tool("nasm", package: "nasm", purpose: "assembles the hypervisor")
    public static let clang = Tool("clang", package: nil, purpose: "compiles the hypervisor")
    public static let linker = Tool("ld.lld", package: nil, purpose: "links the hypervisor")
    public static let objcopy = Tool("llvm-objcopy", package: nil, purpose: "makes flat binaries")
    public static let symbolizer = Tool(
        "llvm-symbolizer", package: nil, purpose: "names the hypervisor's source lines in verdicts")
    public static let qemu = Tool(
        "qemu-system-x86_64", package: "qemu-system-x86", purpose: "boots images (qemu-tcg, qemu-kvm)")
    public static let bochs = Tool("bochs", package: "bochs", purpose: "boots images (bochs)")
    public static let virsh = Tool(
        "virsh", package: "libvirt-clients", purpose: "shows libvirt's machines, and starts them by hand")
    public static let env = Tool("env", package: "coreutils", purpose: "starts Bochs in the run's folder")
    public static let setpriv = Tool(
        "setpriv", package: "util-linux", purpose: "ends the emulator when frost is killed")
    public static let dmesg = Tool(
        "dmesg", package: "util-linux", purpose: "tells whether the kernel found the RAM encrypted")
    public static let bash = Tool("bash", package: "bash", purpose: "runs a recipe's prepare script")
    public static let cpio = Tool("cpio", package: "cpio", purpose: "packs the Linux guest's initrd")
    public static let busybox = Tool(
        "busybox", package: "busybox-static", purpose: "is the Linux guest's user space")
    public static let dpkgDeb = Tool("dpkg-deb", package: "dpkg", purpose: "unpacks the Linux guest's kernel")
    public static let xz = Tool("xz", package: "xz-utils", purpose: "unpacks kernels (xz, lzma)")
    public static let gzip = Tool(
        "gzip", package: "gzip", purpose: "unpacks kernels (gzip), packs the initrd")
    public static let zstd = Tool("zstd", package: "zstd", purpose: "unpacks kernels (zstd)")
    public static let lz4 = Tool("lz4", package: "lz4", purpose: "unpacks kernels (lz4)")
    public static let bzip2 = Tool("bzip2", package: "bzip2", purpose: "unpacks kernels (bzip2)")

    public static let svgConverter = Tool(
        "rsvg-convert", package: "librsvg2-bin", purpose: "turns pictures of DRAM into PNG")

    /// Without these no image can be built and booted.
    public static let required = [nasm, clang, linker, objcopy, qemu]
    /// Needed by some guests only.
    public static let optional = [
        symbolizer, setpriv, dmesg, bochs, virsh, bash, cpio, busybox, dpkgDeb, xz, gzip, zstd, lz4,
        bzip2, svgConverter,
    ]

    private init(_ name: String, package: String?, purpose: String) {
        self.name = name
        self.package = package
        self.purpose = purpose
    }

    var versionArguments: [String] {
        switch self {
        case .busybox, .bochs: ["--help"]
        default: ["--version"]
        }
    }

    /// What to type to get it.
    public var installLine: String {
        if let package { return "apt-get install -y \(package)" }
        return "install the Swift toolchain from https://swift.org/install and put its bin folder on PATH"
    }

    /// The first of that name on PATH; the Swift toolchain's own tools are preferred to the distribution's.
    /// - Throws: ``Failure/missing(_:)``
    public func locate() throws(Failure) -> URL {
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

    /// Runs to the end and returns what it said.
    /// - Throws: ``Failure`` when it is missing or ends in failure; `task` then says what it was about.
    @discardableResult
    public func run(
        _ arguments: [String], for task: String, input: ChildProcess.Stream = .none,
        error: ChildProcess.Stream = .pipe
    ) throws -> [UInt8] {
        let child = try ChildProcess(try locate(), arguments, input: input, error: error)
        let (end, output, errors) = child.collect()
        guard end.isSuccess else {
            let words = String(decoding: errors.isEmpty ? output : errors, as: UTF8.self)
            throw Failure.failed(
                name, task: task, words: words.trimmingCharacters(in: .whitespacesAndNewlines))
        }
        return output
    }

    public enum Failure: Explained, Equatable {
        case missing(Tool)
        case failed(String, task: String, words: String)

        public var exitCode: ExitCode {
            switch self {
            case .missing: .unavailable
            case .failed: .badInput
            }
        }

        public var description: String {
            switch self {
            case .missing(let tool):
                "\(tool.name), which \(tool.purpose), is missing: \(tool.installLine)."
            case .failed(let name, let task, let words):
                "\(name) failed to \(task). It said:\n\(words)"
            }
        }
    }
}
