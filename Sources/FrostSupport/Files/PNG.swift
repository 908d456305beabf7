import CZlib

/// A picture of few colours, as a file.
///
/// - Source: Portable Network Graphics (Second Edition), W3C 2003: sections 5, 11.2.2 to 11.2.5, 12.9.
package enum PNG {
    package struct Colour: Equatable {
        package var red: UInt8, green: UInt8, blue: UInt8

        package init(red: UInt8, green: UInt8, blue: UInt8) {
            (self.red, self.green, self.blue) = (red, green, blue)
        }

        /// As in `#2b6cb0`.
        package var hexadecimal: String { "#" + [red, green, blue].hexadecimal }
    }

    /// - Parameter pixels: indexes of `palette`, row after row; a multiple of `width`
    package static func encode(_ pixels: [UInt8], width: Int, palette: [Colour]) -> [UInt8] {
        let height = pixels.count / width
        let header = bigEndian(width) + bigEndian(height) + [8, 3, 0, 0, 0]
        var rows: [UInt8] = []
        for row in 0..<height {
            rows.append(0)
            rows += pixels[row * width..<(row + 1) * width]
        }
        return [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A] + chunk("IHDR", header)
            + chunk("PLTE", palette.flatMap { [$0.red, $0.green, $0.blue] })
            + chunk("IDAT", compressed(rows)) + chunk("IEND", [])
    }

    private static func chunk(_ name: String, _ data: [UInt8]) -> [UInt8] {
        let body = Array(name.utf8) + data
        return bigEndian(data.count) + body + bigEndian(Int(crc32(0, body, UInt32(body.count))))
    }

    private static func compressed(_ bytes: [UInt8]) -> [UInt8] {
        var count = compressBound(UInt(bytes.count))
        var output = [UInt8](repeating: 0, count: Int(count))
        let status = compress2(&output, &count, bytes, UInt(bytes.count), Z_BEST_COMPRESSION)
        precondition(status == Z_OK, "there is room for what compressBound says")
        return Array(output.prefix(Int(count)))
    }

    private static func bigEndian(_ number: Int) -> [UInt8] {
        withUnsafeBytes(of: UInt32(number).bigEndian) { Array($0) }
    }
}
