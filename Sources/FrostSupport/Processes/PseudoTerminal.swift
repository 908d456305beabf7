import Foundation
import Glibc

/// A serial line for an emulator that wants a terminal: it opens `path`, we hold the other end.
package final class PseudoTerminal {
    /// Ours, for both directions.
    package let descriptor: Int32
    /// The emulator inherits it: so our end reports the end of the stream when the emulator is gone, and not before.
    package let held: Int32
    package let path: String

    /// TIOCSPTLCK and TIOCGPTN of <asm-generic/ioctls.h>: what unlockpt and ptsname do, which Glibc does not export.
    private static let setLock: UInt = 0x4004_5431
    private static let getNumber: UInt = 0x8004_5430

    /// - Throws: ``Failure/none(_:)``
    package init() throws(Failure) {
        descriptor = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
        var unlocked: Int32 = 0
        var number: UInt32 = 0
        guard descriptor >= 0, ioctl(descriptor, Self.setLock, &unlocked) == 0,
            ioctl(descriptor, Self.getNumber, &number) == 0
        else { throw .none(String(cString: strerror(errno))) }
        path = "/dev/pts/\(number)"
        held = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC)
        guard held >= 0 else { throw .none(String(cString: strerror(errno))) }
        // No echo, no line editing: bytes as they are.
        var settings = termios()
        tcgetattr(held, &settings)
        cfmakeraw(&settings)
        tcsetattr(held, TCSANOW, &settings)
    }

    private var isHeld = true

    /// The emulator has it now.
    package func letGo() {
        if isHeld { close(held) }
        isHeld = false
    }

    deinit {
        letGo()
        close(descriptor)
    }

    package enum Failure: Explained, Equatable {
        case none(String)

        package var exitCode: ExitCode { .inputOutput }

        package var description: String {
            switch self {
            case .none(let reason):
                "No pseudo-terminal for the guest's console: \(reason). Check that /dev/pts is mounted."
            }
        }
    }
}
