// swift-tools-version: 6.2
import PackageDescription

let swiftSettings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

let package = Package(
    name: "frostvisor",
    products: [
        .executable(name: "frost", targets: ["frost"]),
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
        // The same cipher on wider vectors, for the host.
        .target(
            name: "VectorCipher",
            dependencies: ["FrostCore"],
            cSettings: [.unsafeFlags(["-O2"])]
        ),
        // What `frost bench` times; C, so that nothing of Swift's is timed with it.
        .target(
            name: "CipherBench",
            dependencies: ["FrostCore", "VectorCipher", "COpenSSL", "CGcrypt"],
            cSettings: [.unsafeFlags(["-O2"])]
        ),
        .target(
            name: "FrostKit",
            dependencies: [
                "FrostCore", "CacheModel", "CipherBench", "ResidencyRecord", "AccessTrace", "DRAMSearch",
                "PageReplay",
                "COpenSSL", "CZlib", "CLibvirt", .product(name: "Yams", package: "Yams"),
            ],
            swiftSettings: swiftSettings
        ),
        .executableTarget(
            name: "frost",
            dependencies: [
                "FrostKit",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: swiftSettings
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
        // Feeds the cache model what QEMU's machine does, and keeps the record.
        .target(
            name: "ResidencyPlugin",
            dependencies: ["CacheModel", "FrostCore", "ResidencyRecord"],
            publicHeadersPath: ".",
            cSettings: [.unsafeFlags(["-O3", "-fvisibility=hidden"])],
            // QEMU brings a hundred libraries, and one of their names would stand in for ours.
            linkerSettings: [.unsafeFlags(["-Xlinker", "-Bsymbolic"])]
        ),
        // Counts the hypervisor's instructions, exit by exit.
        .target(
            name: "InstructionPlugin",
            publicHeadersPath: ".",
            cSettings: [
                .unsafeFlags(["-O2", "-fvisibility=hidden"]), .headerSearchPath("../ResidencyPlugin"),
            ]
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
            dependencies: ["FrostCore", "VectorCipher", "COpenSSL"],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "FrostKitTests",
            dependencies: [
                "FrostKit", "FrostCore", "CacheModel", "ResidencyRecord", "AccessTrace", "DRAMSearch",
                "PageReplay",
                "COpenSSL", "CLibvirt",
            ],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "CacheModelTests",
            dependencies: ["CacheModel"],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "DRAMSearchTests",
            dependencies: ["DRAMSearch"],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "BootTests",
            dependencies: ["FrostKit", "FrostCore", "CacheModel", "ResidencyRecord"],
            swiftSettings: swiftSettings
        ),
    ],
    cLanguageStandard: .gnu17
)
