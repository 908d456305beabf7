import CYaml
import FrostSupport

/// What of YAML none of our files uses, found by libyaml's events before Yams makes a tree of them: comparing keys that are
/// themselves lists takes twice as long a level, and aliases make much of little.
package enum YAMLShape {
    /// Deeper than any file that means something.
    private static let deepest = 32

    package struct Fault: Sendable, Equatable {
        /// From 1 on.
        package let line: Int
        package let what: String
    }

    /// nil: nothing of the kind. What is no YAML is for others to say.
    package static func fault(in text: String) -> Fault? {
        var parser = yaml_parser_t()
        guard yaml_parser_initialize(&parser) == 1 else { return nil }
        defer { yaml_parser_delete(&parser) }
        let bytes = Array(text.utf8)
        return bytes.withUnsafeBufferPointer { buffer in
            yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING)
            yaml_parser_set_input_string(&parser, buffer.baseAddress, buffer.count)
            return fault(in: &parser)
        }
    }

    private static func fault(in parser: inout yaml_parser_t) -> Fault? {
        // Of each list or mapping around: nil for a list, else whether a key comes next.
        var around: [Bool?] = []
        while true {
            var event = yaml_event_t()
            guard yaml_parser_parse(&parser, &event) == 1 else { return nil }
            defer { yaml_event_delete(&event) }
            func fault(_ what: String) -> Fault { Fault(line: Int(event.start_mark.line) + 1, what: what) }
            switch event.type {
            case YAML_STREAM_END_EVENT, YAML_NO_EVENT: return nil
            case YAML_ALIAS_EVENT: return fault("an alias (*name): write out what it stands for")
            case YAML_SCALAR_EVENT: next(&around)
            case YAML_SEQUENCE_START_EVENT, YAML_MAPPING_START_EVENT:
                if around.last == .some(true) { return fault("a key that is a list or a mapping") }
                guard around.count < deepest else { return fault("more than \(deepest) levels") }
                next(&around)
                around.append(event.type == YAML_MAPPING_START_EVENT ? true : nil)
            case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT: around.removeLast()
            default: break
            }
        }
    }

    /// In a mapping keys and values take turns.
    private static func next(_ around: inout [Bool?]) {
        guard let last = around.last, let isKey = last else { return }
        around[around.count - 1] = !isKey
    }
}
