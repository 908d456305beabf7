package import Foundation

/// Values as JSON text: sorted keys, indented, one way everywhere; and back.
package enum JSON {
    package static func text(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    /// Foundation's decoder reads one byte too many where the 513th bracket is the last byte, and traps. So there is
    /// always one more.
    package static func decode<Value: Decodable>(_ type: Value.Type, from data: Data) throws -> Value {
        try JSONDecoder().decode(type, from: data + [UInt8(ascii: "\n")])
    }
}
