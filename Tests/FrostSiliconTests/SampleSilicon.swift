import FrostSilicon

/// A result that no machine has given: of an Intel CPU on which everything is as the documents say.
struct SampleSilicon {
    /// Without number and checksum.
    var rows: [String]

    init() {
        rows = [
            "cpu ok d 756e6547 49656e69 6c65746e",
            "leaf ok 1 0 906ea 100800 7ffafbbf bfebfbff",
            "brand ok 0 65746e49 6164616d 70752d65 0",
            "clock ok dfc0a800",
            "boot ok 1 2 c00000 b80000",
            "msr ok 2ff c00",
            "guard.fault fault 6 0 ffffffff80004890",
            "guard.hang hung",
            "latency ok 10000 1e 2a 90 d2 f0 0",
            "misses ok 10000 3e8 12 ffe0",
            "invd ok 40000 1000 1000 0 0",
            "invd ok 400000 10000 10000 0 0",
            "invd ok b80000 2e000 2e000 0 0",
            "thrash ok 4000000 10000 40 ffc0 0",
            "clflush ok 10000 0 10000 0",
            "ntstore ok 10000 0 0 10000",
            "cldemote absent",
            "ucalias ok 10000 0 10000 0",
            "repmovs ok 10000 10000 0 0",
            "code ok 10000 10000 10000 0 0",
            "cd.read ok 10000 10000 0 0",
            "cd.write ok 10000 10000 0 0",
            "cd.late ok 10000 0 10000 0",
            "cd.time ok 10000 1e 2a 90",
            "cat absent",
            "smi ok 1 5 6 40000",
            "smi.invd ok 10000 f000 1000 0",
            "ept unbuilt",
            "misspath unbuilt",
        ]
    }

    /// With the only line of a row, or all of them, replaced.
    func with(_ name: String, _ lines: String...) -> SampleSilicon {
        var changed = self
        let place = rows.firstIndex { $0.hasPrefix(name + " ") } ?? rows.endIndex
        changed.rows.removeAll { $0.hasPrefix(name + " ") }
        changed.rows.insert(contentsOf: lines, at: place)
        return changed
    }

    /// The same on an AMD CPU, where CR0.CD does otherwise.
    var amd: SampleSilicon {
        with("cpu", "cpu ok 10 68747541 69746e65 444d4163").with("cd.read", "cd.read ok 10000 0 10000 0")
            .with("cd.write", "cd.write ok 10000 0 10000 0")
    }

    var lines: [String] { SiliconResult.forged(of: rows) }
    var text: String { lines.joined(separator: "\n") + "\n" }

    func result() throws -> SiliconResult { try SiliconResult(Array(text.utf8), named: "it") }
    func report() throws -> SiliconReport { SiliconReport(try result()) }
}
