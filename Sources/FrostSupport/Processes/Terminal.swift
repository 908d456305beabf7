package import Glibc

/// The terminal that a person sits at, as opposed to our standard streams.
package struct Terminal: ~Copyable {
    private let descriptor: Int32
    private let settings: termios

    /// nil when there is none.
    package init?() {
        let descriptor = open("/dev/tty", O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        var settings = termios()
        guard tcgetattr(descriptor, &settings) == 0 else {
            close(descriptor)
            return nil
        }
        self.descriptor = descriptor
        self.settings = settings
    }

    deinit {
        restore()
        close(descriptor)
    }

    /// Gives back the settings it was found with.
    package func restore() {
        var settings = settings
        tcsetattr(descriptor, TCSADRAIN, &settings)
    }

    /// Every key goes through as it is, the interrupt key included.
    package func makeRaw() {
        var raw = settings
        cfmakeraw(&raw)
        raw.c_oflag |= tcflag_t(OPOST)
        tcsetattr(descriptor, TCSADRAIN, &raw)
    }

    /// Has a process group read our standard input, where that is a terminal; keys such as Ctrl-C go to it then.
    package static func give(to group: pid_t) {
        guard isatty(STDIN_FILENO) != 0 else { return }
        // Who gives it back is in the background, and would be stopped for it.
        signal(SIGTTOU, SIG_IGN)
        tcsetpgrp(STDIN_FILENO, group)
    }

    /// Asks for a line that is not shown.
    private func askHidden(_ question: String) -> String {
        var hidden = settings
        hidden.c_lflag &= ~tcflag_t(ECHO)
        tcsetattr(descriptor, TCSAFLUSH, &hidden)
        defer { restore() }
        Descriptor.write(Array(question.utf8), to: descriptor)
        var line: [UInt8] = []
        while let bytes = Descriptor.read(descriptor), !bytes.isEmpty {
            line += bytes
            if line.last == UInt8(ascii: "\n") { break }
        }
        Descriptor.write([UInt8(ascii: "\n")], to: descriptor)
        return String(decoding: line.filter { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    }

    /// A new passphrase, asked for twice.
    /// - Throws: ``Passphrase/Failure``
    package static func newPassphrase() throws(Passphrase.Failure) -> Passphrase {
        guard let terminal = Terminal() else { throw .noTerminal }
        let passphrase = try Passphrase(terminal.askHidden("Passphrase for the image: "))
        guard terminal.askHidden("Once more: ") == String(decoding: passphrase.bytes, as: UTF8.self) else {
            throw .notTheSame
        }
        return passphrase
    }

    /// The passphrase of an image that exists.
    /// - Throws: ``Passphrase/Failure``
    package static func passphrase() throws(Passphrase.Failure) -> Passphrase {
        guard let terminal = Terminal() else { throw .noTerminal }
        return try Passphrase(terminal.askHidden("Passphrase of the image: "))
    }
}
