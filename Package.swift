// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    // Editors' index of our own code is enough: that of Foundation's and Testing's would be made again for each target.
    .unsafeFlags(["-index-ignore-system-modules"]),
]

extension Target {
    /// A room of the command's: what it may import is what it names here.
    static func frost(_ name: String, uses dependencies: [Dependency]) -> Target {
        .target(name: name, dependencies: dependencies, swiftSettings: settings)
    }

    static func tests(of name: String, uses dependencies: [Dependency] = []) -> Target {
        .testTarget(
            name: name + "Tests", dependencies: [.byName(name: name), "FrostSamples"] + dependencies,
            swiftSettings: settings)
    }
}

let package = Package(
    name: "frostvisor",
    products: [
        .executable(name: "frost", targets: ["frost"]),
        .executable(name: "fuzz-inputs", targets: ["InputFuzz"]),
        // QEMU loads it: frost finds it beside itself.
        .library(name: "ResidencyPlugin", type: .dynamic, targets: ["ResidencyPlugin"]),
        .library(name: "InstructionPlugin", type: .dynamic, targets: ["InstructionPlugin"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        // The cipher, the pager and the formats: the very C files that the hypervisor is built from.
        .target(
            name: "FrostCore",
            path: "hypervisor/core",
            // Sealing an image in a debug build would take minutes with unoptimised C.
            cSettings: [.unsafeFlags(["-O2"])]
        ),
        // The result of the silicon image, as its program writes it.
        .target(name: "SiliconFormat", path: "silicon/result"),
        // The cipher's fused swap, for the host; by the core's own loops.
        .target(
            name: "VectorCipher",
            dependencies: ["FrostCore"],
            cSettings: [.headerSearchPath("../../hypervisor/core"), .unsafeFlags(["-O2"])]
        ),
        // What `frost bench` times; C, so that nothing of Swift's is timed with it.
        .target(
            name: "CipherBench",
            dependencies: ["FrostCore", "VectorCipher", "COpenSSL", "CGcrypt"],
            cSettings: [.unsafeFlags(["-O2"])]
        ),
        // Errors that explain themselves, values, text, files, processes: what everything below rests on.
        .frost("FrostSupport", uses: ["FrostCore", "CZlib"]),
        // What lies on disk and goes over the wire: trace, image, memory plan, symbols, a run's folder.
        .frost("FrostFormat", uses: ["FrostSupport", "FrostCore"]),
        // What this host can do: CPU, caches, KVM, encryption of RAM.
        .frost("FrostHost", uses: ["FrostFormat", "FrostSupport", "CacheModel"]),
        // From recipes, guests and kernels to a sealed image.
        .frost(
            "FrostImage",
            uses: [
                "FrostFormat", "FrostSupport", "FrostCore", "DRAMSearch",
                .product(name: "Yams", package: "Yams"),
            ]),
        // What identifies an image, and who signed that.
        .frost("FrostAttest", uses: ["FrostImage", "FrostFormat", "FrostSupport", "FrostCore", "COpenSSL"]),
        // What the silicon image said of a machine, judged claim by claim.
        .frost("FrostSilicon", uses: ["FrostSupport", "FrostCore", "SiliconFormat"]),
        // What runs an image: platforms, and one run on one of them.
        .frost(
            "FrostMachine",
            uses: [
                "FrostImage", "FrostHost", "FrostFormat", "FrostSupport", "FrostCore", "CacheModel",
                "CipherBench",
                "ResidencyRecord", "CLibvirt",
            ]),
        // Verdicts about a run: by a model of the cache, by a debugger, by searches of memory.
        .frost(
            "FrostProof",
            uses: [
                "FrostMachine", "FrostImage", "FrostHost", "FrostFormat", "FrostSupport", "FrostCore",
                "CacheModel",
                "ResidencyRecord", "AccessTrace", "DRAMSearch", "COpenSSL",
            ]),
        // Attacks on a machine's DRAM: campaigns on a running one, cold boots of a recorded one.
        .frost(
            "FrostAttack",
            uses: [
                "FrostProof", "FrostMachine", "FrostImage", "FrostFormat", "FrostSupport", "FrostCore",
                "DRAMSearch",
                "ResidencyRecord",
            ]),
        // What a run took: traces in numbers, instructions by exit, replays of the pager, the page cipher.
        .frost(
            "FrostMeasure",
            uses: [
                "FrostMachine", "FrostImage", "FrostHost", "FrostFormat", "FrostSupport", "FrostCore",
                "CipherBench",
                "PageReplay",
            ]),
        // Matrices of runs.
        .frost(
            "FrostSweep",
            uses: [
                "FrostProof", "FrostMachine", "FrostImage", "FrostHost", "FrostFormat", "FrostSupport",
                "FrostCore",
                .product(name: "Yams", package: "Yams"),
            ]),
        // Pages and charts of all the above.
        .frost(
            "FrostReport",
            uses: [
                "FrostSweep", "FrostMeasure", "FrostAttack", "FrostProof", "FrostMachine", "FrostImage",
                "FrostHost",
                "FrostFormat", "FrostSilicon", "FrostSupport",
            ]),
        .executableTarget(
            name: "frost",
            dependencies: [
                "FrostReport", "FrostSilicon", "FrostSweep", "FrostMeasure", "FrostAttack", "FrostProof",
                "FrostMachine",
                "FrostAttest", "FrostImage", "FrostHost", "FrostFormat", "FrostSupport",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: settings
        ),
        // The cache that emulators do not have: which line moves to DRAM, and by which rule.
        .target(
            name: "CacheModel",
            cSettings: [.unsafeFlags(["-O2"])]
        ),
        // What the plugin below writes of a run.
        .target(
            name: "ResidencyRecord",
            dependencies: ["CacheModel", "FrostCore"]
        ),
        // What Bochs's debugger says of each access, held against the same rules.
        .target(
            name: "AccessTrace",
            dependencies: ["CacheModel", "FrostCore", "ResidencyRecord"],
            cSettings: [.unsafeFlags(["-O2"])]
        ),
        // The pager over a record of touched pages: policies against the optimum.
        .target(
            name: "PageReplay",
            dependencies: ["FrostCore", "ResidencyRecord"],
            cSettings: [.unsafeFlags(["-O2"])]
        ),
        // What somebody who has read DRAM looks for in it.
        .target(
            name: "DRAMSearch",
            // POPCNT is older than the AES instructions, which FrostCore demands.
            cSettings: [.unsafeFlags(["-O2", "-mpopcnt"])],
            linkerSettings: [.linkedLibrary("m")]
        ),
        // QEMU's plugin interface, and what both plugins do with it in the same way.
        .target(
            name: "QEMUPlugin",
            cSettings: [.unsafeFlags(["-O2", "-fvisibility=hidden"])]
        ),
        // Feeds the cache model what QEMU's machine does, and keeps the record.
        .target(
            name: "ResidencyPlugin",
            dependencies: ["CacheModel", "FrostCore", "QEMUPlugin", "ResidencyRecord"],
            exclude: ["README.md"],
            publicHeadersPath: ".",
            cSettings: [.unsafeFlags(["-O3", "-fvisibility=hidden"])],
            // QEMU brings a hundred libraries, and one of their names would stand in for ours.
            linkerSettings: [.unsafeFlags(["-Xlinker", "-Bsymbolic"])]
        ),
        // Counts the hypervisor's instructions, exit by exit.
        .target(
            name: "InstructionPlugin",
            dependencies: ["QEMUPlugin"],
            publicHeadersPath: ".",
            cSettings: [.unsafeFlags(["-O2", "-fvisibility=hidden"])]
        ),
        // A disk behind QEMU's IOMMU that writes down each transfer, and misbehaves as tests tell it.
        .target(
            name: "VhostUserBlock",
            cSettings: [.unsafeFlags(["-O2"])]
        ),
        // Holds one execution of a parser to limits of memory and time.
        .target(name: "InputWatch"),
        // Gives every parser of foreign bytes what somebody may have forged.
        .executableTarget(
            name: "InputFuzz",
            dependencies: [
                "FrostSweep", "FrostMeasure", "FrostAttack", "FrostProof", "FrostMachine", "FrostImage",
                "FrostHost", "FrostFormat", "FrostSupport", "FrostCore", "ResidencyRecord", "AccessTrace",
                "InputWatch", "FrostAttest", "FrostSilicon",
            ],
            swiftSettings: settings
        ),
        // An AES-GCM that shares no line with ours.
        .systemLibrary(
            name: "COpenSSL",
            pkgConfig: "libcrypto",
            providers: [.apt(["libssl-dev"])]
        ),
        // Compresses pictures.
        .systemLibrary(
            name: "CZlib",
            pkgConfig: "zlib",
            providers: [.apt(["zlib1g-dev"])]
        ),
        // Starts machines, here and elsewhere.
        .systemLibrary(
            name: "CLibvirt",
            pkgConfig: "libvirt-qemu",
            providers: [.apt(["libvirt-dev"])]
        ),
        .systemLibrary(
            name: "CGcrypt",
            pkgConfig: "libgcrypt",
            providers: [.apt(["libgcrypt20-dev"])]
        ),
        .testTarget(
            name: "FrostCoreTests",
            dependencies: ["FrostSupport", "FrostCore", "VectorCipher", "COpenSSL"],
            swiftSettings: settings
        ),
        // Samples that several test targets share.
        .target(
            name: "FrostSamples",
            dependencies: [
                "FrostProof", "FrostMachine", "FrostImage", "FrostFormat", "FrostSupport", "FrostCore",
                "CacheModel",
                "ResidencyRecord",
            ],
            path: "Tests/FrostSamples",
            swiftSettings: settings
        ),
        // Runs the program, not its code.
        .testTarget(
            name: "InputFuzzTests",
            dependencies: ["FrostImage", "FrostSamples", "FrostSupport"],
            exclude: ["Corpus"],
            swiftSettings: settings
        ),
        .tests(of: "FrostSupport"),
        .tests(of: "FrostFormat", uses: ["FrostSupport", "FrostCore"]),
        .tests(of: "FrostHost", uses: ["FrostFormat", "FrostSupport"]),
        .tests(of: "FrostImage", uses: ["FrostFormat", "FrostSupport", "FrostCore"]),
        .tests(of: "FrostSilicon", uses: ["FrostSupport", "FrostCore"]),
        .tests(of: "FrostAttest", uses: ["FrostImage", "FrostFormat", "FrostSupport", "FrostCore"]),
        .tests(
            of: "FrostMachine", uses: ["FrostImage", "FrostHost", "FrostFormat", "FrostSupport", "CLibvirt"]),
        .tests(
            of: "FrostProof",
            uses: [
                "FrostMachine", "FrostImage", "FrostFormat", "FrostSupport", "FrostCore", "CacheModel",
                "ResidencyRecord",
                "AccessTrace",
            ]),
        .tests(
            of: "FrostAttack",
            uses: [
                "FrostProof", "FrostImage", "FrostFormat", "FrostSupport", "FrostCore", "ResidencyRecord",
                "DRAMSearch",
            ]),
        .tests(
            of: "FrostMeasure",
            uses: ["FrostMachine", "FrostImage", "FrostFormat", "FrostSupport", "FrostCore", "PageReplay"]),
        .tests(of: "FrostSweep", uses: ["FrostMachine", "FrostImage", "FrostFormat", "FrostSupport"]),
        .tests(
            of: "FrostReport",
            uses: [
                "FrostSweep", "FrostMeasure", "FrostProof", "FrostMachine", "FrostHost", "FrostFormat",
                "FrostImage", "FrostSilicon", "FrostSupport",
                "FrostCore",
            ]),
        .testTarget(
            name: "CacheModelTests",
            dependencies: ["CacheModel", "FrostSupport"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "DRAMSearchTests",
            dependencies: ["DRAMSearch"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "BootTests",
            dependencies: [
                "FrostSweep", "FrostMeasure", "FrostAttack", "FrostProof", "FrostAttest", "FrostMachine",
                "FrostImage", "FrostHost", "FrostFormat", "FrostSupport", "FrostCore", "CacheModel",
                "ResidencyRecord", "FrostSamples", "FrostSilicon", "VhostUserBlock",
            ],
            swiftSettings: settings
        ),
    ],
    cLanguageStandard: .gnu17
)
