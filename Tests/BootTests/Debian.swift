import Foundation
import FrostFormat
@testable import FrostImage
@testable import FrostMachine
import FrostSamples
import FrostSupport
import Testing

extension BootTests {
    /// A whole distribution on an encrypted disk of its own.
    @Suite("Debian") struct Debian {
        /// The disk is made as `frost make-image debian` does, but that its key is kept, for another machine; the image as
        /// that of a Debian that exists, with a second key.
        private struct Made {
            let scratch: ScratchFolder
            let image: URL
            let kernel: URL
            /// Of the system, then of the disk.
            let initrds: [URL]
            var disk: URL { ImageDisk(of: image).disk }

            init() throws {
                scratch = try ScratchFolder()
                image = scratch.file("debian.img")
                let recipe = try Recipe(named: "debian", in: BootTests.tree())
                let draft = try DiskDraft(for: image)
                defer { draft.remove() }
                let files = try PreparedLinux(
                    recipe, environment: draft.environment(DiskOrder(), size: 1536 * .mebibyte))
                kernel = files.kernel
                let key = scratch.file("key.cpio")
                try FileManager.default.copyItem(at: try #require(files.initrds.last), to: key)
                initrds = [files.initrds[0], key]
                _ = try draft.publish(files)
                let first = scratch.file("first.key")
                try Self.unpack("cryptroot/keyfiles/root.key", from: key).write(to: first)
                let words =
                    ["make-image", "--linux", kernel.plainPath, "--initrd", initrds[0].plainPath]
                    + ["--disk", disk.plainPath, "--disk-key-file", first.plainPath, "--ram", "1GiB"]
                    + ["--frozen", "128MiB", "--append", try #require(recipe.facts.commandLine)]
                    + ["--key-source", "embedded", "-o", image.plainPath]
                let made = try BuiltFrost.run(words, in: scratch.url)
                #expect(made.code == 0, "\(made.error)")
            }

            private static func unpack(_ path: String, from archive: URL) throws -> Data {
                let words = ["-c", "cpio --quiet --extract --to-stdout \"$1\" <\"$2\"", "unpack", path]
                return Data(
                    try ChildProcess(Tool.bash.locate(), words + [archive.plainPath]).collect().output)
            }

            /// Starts the same system by stock QEMU, without a hypervisor, on the same disk.
            ///
            /// - Returns: what its console said until it powered itself off, in three minutes at most.
            func startPlainly(by program: String) throws -> String {
                let initrd = scratch.file("initrd")
                let archives = try initrds.map { [UInt8](try Data(contentsOf: $0)) }
                try Data(LinuxGuest.joined(archives)).write(to: initrd)
                let words =
                    ["180", Tool.qemu.name, "-accel", "tcg", "-cpu", "max", "-machine", "q35", "-m", "1G"]
                    + ["-nodefaults", "-display", "none", "-serial", "stdio", "-no-reboot"]
                    + ["-kernel", kernel.plainPath, "-initrd", initrd.plainPath, "-append"]
                    + ["console=ttyS0 root=/dev/mapper/root panic=-1 init=\(program)"]
                    + ["-drive", "file=\(disk.plainPath),format=raw,if=virtio"]
                let (_, output, error) = try ChildProcess(Tool.env.locate(), ["timeout"] + words).collect()
                return String(decoding: output + error, as: UTF8.self)
            }
        }

        /// How many lines of a file hold what every Debian says in /etc/os-release.
        private static func namesDebian(_ file: URL) throws -> String {
            let words = ["grep", "-a", "-z", "-c", "-F", "PRETTY_NAME=", file.plainPath]
            let found = try ChildProcess(Tool.env.locate(), words).collect()
            return String(decoding: found.output, as: UTF8.self).trimmingCharacters(in: .newlines)
        }

        /// Debian's repository in small: a package that says that it is installed.
        private static func makeRepository(in folder: URL) throws {
            let script = """
                set -e
                cd "$1"
                mkdir -p tree/DEBIAN tree/usr/bin
                printf '%s\\n' 'Package: frost-greeting' 'Version: 1' 'Architecture: all' \\
                    'Maintainer: frost <root@localhost>' 'Description: says something' >tree/DEBIAN/control
                printf '#!/bin/sh\\necho frost: the package speaks\\n' >tree/usr/bin/frost-greeting
                chmod 755 tree/usr/bin/frost-greeting
                dpkg-deb --root-owner-group --build tree greeting.deb >/dev/null
                {
                    cat tree/DEBIAN/control
                    echo Filename: ./greeting.deb
                    echo Size: "$(stat -c %s greeting.deb)"
                    echo SHA256: "$(sha256sum greeting.deb | cut -d ' ' -f 1)"
                } >Packages
                """
            let words = ["-c", script, "repository", folder.plainPath]
            let (end, _, error) = try ChildProcess(Tool.bash.locate(), words).collect()
            #expect(end.isSuccess, "\(String(decoding: error, as: UTF8.self))")
        }

        /// What its owner does there, told on the console: the last of it goes on until the power is cut.
        private static func session(repository port: UInt16) -> String {
            """
            exec >/dev/console 2>&1
            echo "frost: the system is $(systemctl is-system-running --wait)"
            echo "frost: root is on $(findmnt --noheadings --output SOURCE /)"
            echo 'deb [trusted=yes] http://10.0.2.2:\(port)/ ./' >/etc/apt/sources.list
            apt-get -q -y update && apt-get -q -y install frost-greeting && frost-greeting
            /lib64/ld-linux-x86-64.so.2 --list-tunables | grep x86_non_temporal_threshold
            cd /root
            printf '%s\\n' '#!/bin/sh' 'cd /root' 'sha256sum -c sum' frost-greeting \\
                'e2fsck -fn /dev/mapper/root && echo frost: the file system is clean' 'poweroff -f' >check
            chmod 755 check
            head -c 67108864 /dev/urandom >written && sha256sum written >sum && sync && echo frost: synced
            while :; do head -c 16777216 /dev/urandom >more; echo frost: writes on; done
            """
        }

        @Test(
            "Debian is proven, from power-on to a login", .timeLimit(.minutes(90)),
            .enabled(if: BootTests.isFull, BootTests.fullOnly))
        func proven() throws {
            let scratch = try ScratchFolder()
            let passphrase = scratch.file("pw")
            try Data("a passphrase of the tests\n".utf8).write(to: passphrase)
            let key = ["--passphrase-file", passphrase.plainPath], image = scratch.file("debian.img")
            let made = try BuiltFrost.run(
                ["make-image", "debian", "--disk-size", "1536MiB", "-o", image.plainPath] + key,
                in: scratch.url)
            #expect(made.code == 0, "\(made.error)")
            let verified = try BuiltFrost.run(
                [
                    "verify", image.plainPath, "--disk", ImageDisk(of: image).disk.plainPath, "--ssh",
                    "--ssh-command",
                ]
                    + ["systemctl is-system-running --wait", "--cache", "128MiB:16:64", "--timeout", "80m"]
                    + key,
                in: scratch.url)
            #expect(verified.code == 0, "\(verified.output.suffix(5000)) \(verified.error.suffix(3000))")
            #expect(verified.output.contains("The guest shared"))
        }

        @Test(
            "Debian runs from its encrypted disk, installs a package, and keeps what it has synced when the power is cut",
            .timeLimit(.minutes(20)))
        func wholeSystem() throws {
            let made = try Made()
            #expect(try Self.namesDebian(made.disk) == "0", "the disk is not encrypted")
            let plain = made.kernel.deletingLastPathComponent().appending(path: "root.ext4")
            #expect(try Self.namesDebian(plain) != "0", "the search finds nothing anywhere")

            let repository = made.scratch.file("repository")
            try FileManager.default.createDirectory(at: repository, withIntermediateDirectories: true)
            try Self.makeRepository(in: repository)
            let server = try GuestDevices.Server(of: repository)
            let login = try SSHSession(of: made.image, command: Self.session(repository: server.port))
            var options = RunOptions()
            options.timeLimit = TimeSpan(.seconds(600))
            options.login = login
            options.board = try Board(
                disks: [GuestDisk(made.disk)],
                network: GuestNetwork(forwards: [GuestNetwork.Forward(host: login.port, guest: 22)]))
            options.hooks = [Hook(.console("frost: writes on")) { $0.cutPower() }]
            let result = try Run(BootImage(reading: made.image), options: options).boot()
            #expect(result.ending.kind == .died, result.story)
            for text in [
                "frost: the system is running", "frost: root is on /dev/mapper/root",
                "frost: the package speaks", "frost: synced",
                // Three quarters of what the C library takes for its share of the last cache.
                "glibc.cpu.x86_non_temporal_threshold: 0x60000000",
            ] {
                #expect(result.consoleText.contains(text), result.story)
            }
            #expect(result.trace.fact(.cBit)?.nonzeroBitCount == 1)

            let said = try made.startPlainly(by: "/root/check")
            for text in [
                "recovery complete", "written: OK", "frost: the package speaks",
                "frost: the file system is clean",
            ] {
                let isSaid = said.contains(text)
                #expect(isSaid, "\(text): \(said.suffix(2000))")
            }
        }
    }
}
