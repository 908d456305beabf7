import FrostSupport
import Glibc

/// Our standard input as the guest's keyboard. Ctrl-A x ends the run, Ctrl-A Ctrl-A types Ctrl-A.
final class Keyboard {
    private var terminal: Terminal?
    private var isEscaped = false
    /// False once our standard input has ended; the run goes on.
    private(set) var isOpen = true
    private static let escape: UInt8 = 1

    init() {
        if isatty(STDIN_FILENO) != 0 {
            terminal = Terminal()
            terminal?.makeRaw()
        }
    }

    /// What was typed, if anything; nil when there is nothing now.
    func read() -> (bytes: [UInt8], wantsEnd: Bool)? {
        var polled = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
        guard isOpen, poll(&polled, 1, 0) > 0, let typed = Descriptor.read(STDIN_FILENO) else { return nil }
        isOpen = !typed.isEmpty
        var bytes: [UInt8] = []
        for byte in typed {
            if isEscaped {
                isEscaped = false
                if byte == UInt8(ascii: "x") { return (bytes, true) }
                bytes.append(byte)
            } else if byte == Self.escape {
                isEscaped = true
            } else {
                bytes.append(byte)
            }
        }
        return (bytes, false)
    }
}
