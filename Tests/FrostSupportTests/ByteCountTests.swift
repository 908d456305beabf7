@testable import FrostSupport
import Testing

@Suite struct ByteCountTests {
    @Test(
        "Sizes are read as people write them",
        arguments: [
            ("8MiB", 8 << 20), ("512KiB", 512 << 10), ("1GiB", 1 << 30), ("64M", 64 << 20), ("2G", 2 << 30),
            ("4096", 4096), ("17B", 17), ("3 MiB", 3 << 20), ("0", 0),
        ] as [(String, UInt64)])
    func reads(text: String, bytes: UInt64) throws {
        #expect(try ByteCount(parsing: text).bytes == bytes)
    }

    @Test(
        "What is not a size is refused by name",
        arguments: [
            "", "MiB", "8MB", "-1", "1.5MiB", "8mib", "8 MiB x", "18446744073709551616", "17179869184GiB",
            "٣MiB",
        ])
    func refuses(text: String) {
        #expect(throws: ByteCount.Failure.notASize(text)) { try ByteCount(parsing: text) }
    }

    @Test(
        "A printed size reads back the same", arguments: [0, 1, 4095, 4096, 1 << 20, (1 << 20) + 1, 3 << 30])
    func roundTrip(bytes: UInt64) throws {
        let size = ByteCount(bytes)
        #expect(try ByteCount(parsing: size.description) == size)
    }

    @Test(
        "A rounded size keeps one decimal",
        arguments: [
            (1 << 20, "1 MiB"), (1_572_864, "1.5 MiB"), (4096, "4 KiB"), (512, "512 B"),
        ] as [(UInt64, String)])
    func rounded(bytes: UInt64, text: String) {
        #expect(ByteCount(bytes).rounded == text)
    }

    @Test(
        "Times are read as people write them",
        arguments: [
            ("50ms", 0.05), ("120s", 120), ("2m", 120), ("1h", 3600), ("7", 7),
        ] as [(String, Double)])
    func readsTimes(text: String, seconds: Double) throws {
        #expect(try TimeSpan(parsing: text).seconds == seconds)
    }

    @Test("What is not a time is refused by name", arguments: ["", "0s", "s", "1d", "-5s", "1.5s"])
    func refusesTimes(text: String) {
        #expect(throws: TimeSpan.Failure.notATime(text)) { try TimeSpan(parsing: text) }
    }
}
