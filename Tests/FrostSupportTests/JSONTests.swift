import Foundation
import FrostSupport
import Testing

@Suite("JSON") struct JSONTests {
    @Test("However deep it is, what is no value is an error", arguments: [1, 512, 513, 514, 10_000])
    func depth(brackets: Int) {
        for bracket in ["[", "{\"a\":", "[{\"a\":"] {
            let text = Data(String(repeating: bracket, count: brackets).utf8)
            #expect(throws: DecodingError.self) { try JSON.decode([Int].self, from: text) }
        }
    }

    @Test("What is encoded is decoded")
    func round() throws {
        let values = ["a": [1, 2], "b": []]
        #expect(try JSON.decode([String: [Int]].self, from: Data(JSON.text(values).utf8)) == values)
    }
}
