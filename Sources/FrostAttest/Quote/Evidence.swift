package import Foundation
import FrostSupport

/// What a machine hands over to be judged: a folder; the only speller of its files' names.
package struct Evidence: Sendable {
    package let folder: URL
    package let message: [UInt8]
    package let quote: Quote
    package let signature: QuoteSignature
    /// That were quoted, back to back; nil: nobody kept them.
    package let values: [UInt8]?
    package let log: EventLog

    package static func message(in folder: URL) -> URL { folder.appending(path: "quote.msg") }
    package static func signature(in folder: URL) -> URL { folder.appending(path: "quote.sig") }
    package static func values(in folder: URL) -> URL { folder.appending(path: "quote.pcrs") }
    package static func log(in folder: URL) -> URL { folder.appending(path: "eventlog") }

    /// - Throws: ``QuoteFailure``, ``EventLog/Failure``, and what says that a file is missing.
    package init(in folder: URL) throws {
        self.folder = folder
        let place = Self.message(in: folder), sealed = Self.signature(in: folder)
        message = try BoundedFile.bytes(of: place, most: Quote.mostBytes)
        quote = try Quote(message, named: place.plainPath)
        signature = try QuoteSignature(
            BoundedFile.bytes(of: sealed, most: QuoteSignature.mostBytes), named: sealed.plainPath)
        let values = Self.values(in: folder)
        self.values =
            FileManager.default.fileExists(atPath: values.plainPath)
            ? try BoundedFile.bytes(of: values, most: Quote.mostBytes * 2) : nil
        log = try EventLog(reading: Self.log(in: folder))
    }
}
