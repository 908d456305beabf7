import CacheModel
import Foundation
import FrostCore
import FrostFormat
import FrostImage
@testable import FrostProof
import FrostSamples
import FrostSupport
import ResidencyRecord

extension CacheVerdictTests {
    private static let page = page_make(0, 0x400)
    /// Guest RAM, and a page's home.
    private static let somewhere: UInt64 = 0x50_0000

    static let faulty: [FaultyRecord] =
        writes + secrets + keys + region + ciphertext + fetches + shared + records

    // MARK: (a) writes

    static let writes = [
        FaultyRecord("a buffer that no entry describes", .broken(.accountedWrites, rule: "never-described")) {
            $0.write($0.noise(), at: somewhere)
            $0.seal(page, $0.noise())
        },
        FaultyRecord("a tag that is not the home's", .broken(.accountedWrites, rule: "wrong-tag")) {
            var entry = $0.seal(page, $0.noise(), isDescribed: false)
            entry.tag.0 ^= 1
            $0.describe(page, entry)
        },
        FaultyRecord("a home sealed as another page", .broken(.accountedWrites, rule: "wrong-tag")) {
            let (entry, ciphertext) = $0.sealed(page, $0.noise(), counter: 900)
            $0.write(ciphertext, at: $0.home(page + 1))
            $0.describe(page + 1, entry)
        },
        FaultyRecord("one byte of plaintext within a home", .broken(.accountedWrites, rule: "wrong-tag")) {
            let entry = $0.seal(page, $0.noise(), isDescribed: false)
            $0.write([0x41], at: $0.home(page) + 77)
            $0.describe(page, entry)
        },
        FaultyRecord(
            "something else first, then the ciphertext", .broken(.accountedWrites, rule: "overwritten")
        ) {
            $0.write($0.noise(64), at: $0.home(page) + 128)
            $0.seal(page, $0.noise())
        },
        FaultyRecord("a store that nobody reported", .broken(.accountedWrites, rule: "unseen-store")) {
            $0.write($0.noise(64), at: somewhere, mode: MODE_UNSEEN)
        },
        FaultyRecord(
            "a home half written at the end, in the clear",
            .broken(.accountedWrites, rule: "unfinished-plain")
        ) {
            $0.write(Array("aaaabbbbccccdddd".utf8) + $0.noise(512), at: somewhere)
        },
        FaultyRecord("the hypervisor stores past its region", .broken(.accountedWrites, rule: "host-store")) {
            $0.violate(RESIDENCY_HOST_STORE, address: somewhere, mode: MODE_HOST)
        },
        FaultyRecord("the guest reaches RAM directly", .broken(.accountedWrites, rule: "nested-mapping")) {
            $0.violate(RESIDENCY_NESTED_MAPPING, address: somewhere)
        },
    ]

    // MARK: (b) secrets

    static let secrets = [
        FaultyRecord(
            "a block of a page in the clear, misaligned", .broken(.noSecret, rule: "plaintext-block")
        ) {
            let secret = $0.noise()
            $0.seal(page, secret)
            $0.write(Array(secret[256..<272]), at: somewhere + 5)
        },
        FaultyRecord(
            "a block that stands in the region at the end", .broken(.noSecret, rule: "plaintext-block")
        ) {
            $0.write(Array($0.region[0x8040..<0x8050]), at: somewhere + 3)
        },
        FaultyRecord("a block that two writes put together", .broken(.noSecret, rule: "plaintext-block")) {
            let secret = $0.noise()
            $0.seal(page, secret)
            $0.write(Array(secret[256..<261]), at: somewhere)
            $0.write(Array(secret[261..<272]), at: somewhere + 5)
        },
        FaultyRecord("a block that stood for one moment only", .broken(.noSecret, rule: "plaintext-block")) {
            let secret = $0.noise()
            $0.seal(page, secret)
            $0.write(Array(secret[16..<48]), at: somewhere)
            $0.write([UInt8](repeating: 0, count: 32), at: somewhere)
        },
        FaultyRecord("a canary, misaligned", .broken(.noSecret, rule: "canary")) {
            $0.write(SampleRecord.canary, at: somewhere + 11)
        },
        FaultyRecord("a canary in the firmware's memory", .broken(.noSecret, rule: "canary")) {
            $0.write(SampleRecord.canary, at: 0xC0001, mode: MODE_GUEST)
        },
    ]

    // MARK: (c) keys

    static let keys = [
        FaultyRecord("the session key", .broken(.noKey, rule: "key-material")) {
            $0.write($0.sessionKey, at: somewhere + 1)
        },
        FaultyRecord("one round key of the image key", .broken(.noKey, rule: "key-material")) {
            let key = CipherKey($0.sample.key.raw)
            $0.write([UInt8](memoryOf: key.expanded.pointee.round_keys.7), at: somewhere + 9)
        },
        FaultyRecord("the hash key", .broken(.noKey, rule: "key-material")) {
            let hashKey = SecretKeys([("", $0.sessionKey)]).blocks.last ?? []
            $0.write(hashKey, at: somewhere + 2)
        },
        FaultyRecord("a power of the hash key as the kernel has it", .broken(.noKey, rule: "key-material")) {
            let key = CipherKey($0.sessionKey, for: .aesni)
            $0.write([UInt8](memoryOf: key.expanded.pointee.hash.narrow.powers.3), at: somewhere)
        },
        FaultyRecord("a key schedule of the guest's own", .broken(.noKey, rule: "key-schedule")) {
            let key = CipherKey($0.noise(32))
            $0.write([UInt8](memoryOf: key.expanded.pointee.round_keys), at: somewhere + 3)
        },
    ]

    // MARK: (d) the region

    static let region = [
        FaultyRecord(
            "a line of the region written back", .broken(.frozenRegion, rule: "cache-rule:replace-dirty")
        ) {
            $0.violate(RESIDENCY_CACHE_RULE, RULE_REPLACE_DIRTY)
        },
        FaultyRecord("its bytes reach DRAM", .broken(.accountedWrites, rule: "region-write")) {
            $0.write($0.noise(64), at: $0.plan.frozenBase + 0x8000)
        },
        FaultyRecord("a CLFLUSH", .broken(.frozenRegion, rule: "cache-rule:clflush")) {
            $0.violate(RESIDENCY_CACHE_RULE, RULE_CLFLUSH)
        },
        FaultyRecord("an unknown flush", .broken(.frozenRegion, rule: "flush-unknown")) {
            $0.violate(RESIDENCY_FLUSH_UNKNOWN, address: .max)
        },
        FaultyRecord("other memory is write-back", .broken(.frozenRegion, rule: "wider-write-back")) {
            $0.violate(RESIDENCY_WIDER_WRITE_BACK, address: somewhere)
        },
        FaultyRecord("secrets before the freeze", .broken(.frozenRegion, rule: "phase-order")) {
            $0.phase(PHASE_OPEN)
        },
        FaultyRecord("lines never modified", .broken(.frozenRegion, rule: "never-frozen")) {
            $0.phase(PHASE_FROZEN, notModified: 4)
        },
        FaultyRecord(
            "write-backs while it was filled", .broken(.frozenRegion, rule: "write-back-while-filling")
        ) {
            $0.end.phase_write_backs.1 = 3
        },
    ]

    // MARK: (e) ciphertext

    static let ciphertext = [
        FaultyRecord(
            "ciphertext that was there before", .broken(.freshCiphertext, rule: "ciphertext-repeated")
        ) {
            let (entry, first) = $0.sealed(page, $0.noise(), counter: 901)
            $0.write(first, at: $0.home(page))
            $0.describe(page, entry)
            $0.write(Array(first[160..<176]), at: $0.home(page + 1))
        },
        FaultyRecord("a page sealed again as before", .broken(.freshCiphertext, rule: "nonce-repeated")) {
            let secret = $0.noise()
            $0.seal(page, secret, counter: 902)
            $0.seal(page, secret, counter: 902)
        },
        FaultyRecord("two pages under one nonce", .broken(.freshCiphertext, rule: "nonce-repeated")) {
            $0.seal(page, $0.noise(), counter: 903)
            $0.seal(page + 1, $0.noise(), counter: 903)
        },
    ]

    // MARK: (f) fetches

    static let fetches = [
        FaultyRecord("the hypervisor runs code in DRAM", .broken(.noFetch, rule: "fetch-from-dram")) {
            $0.log.read(64, at: somewhere, access: ACCESS_FETCH, mode: MODE_HOST)
        },
        FaultyRecord("and the plugin says so", .broken(.noFetch, rule: "host-fetch")) {
            $0.violate(RESIDENCY_HOST_FETCH, address: somewhere, mode: MODE_HOST)
        },
        FaultyRecord("a nested table in DRAM", .broken(.noFetch, rule: "nested-table")) {
            $0.violate(RESIDENCY_NESTED_TABLE, address: somewhere, mode: MODE_HOST)
        },
    ]

    // MARK: shared pages

    static let shared = [
        FaultyRecord("a canary in a shared page", .broken(.noSecret, rule: "canary")) {
            $0.share(somewhere)
            $0.write(SampleRecord.canary, at: somewhere + 11, mode: MODE_GUEST)
        },
        FaultyRecord("a key in a shared page", .broken(.noKey, rule: "key-material")) {
            $0.share(somewhere)
            $0.write($0.sessionKey, at: somewhere + 8, mode: MODE_DEVICE)
        },
        FaultyRecord(
            "the hypervisor writes the guest's memory to a shared page",
            .broken(.noSecret, rule: "plaintext-block")
        ) {
            let secret = $0.noise()
            $0.seal(page, secret)
            $0.share(somewhere)
            $0.write(Array(secret[256..<272]), at: somewhere)
        },
        FaultyRecord("a device writes beside a shared page", .broken(.accountedWrites, rule: "unseen-store"))
        {
            $0.share(somewhere)
            $0.write($0.noise(64), at: somewhere + 4096, mode: MODE_UNSEEN)
        },
        FaultyRecord(
            "a device writes over the border of a shared page",
            .broken(.accountedWrites, rule: "unseen-store")
        ) {
            $0.share(somewhere)
            $0.write($0.noise(64), at: somewhere + 4096 - 32, mode: MODE_DEVICE)
        },
        FaultyRecord(
            "a device writes to a page that was taken back", .broken(.accountedWrites, rule: "unseen-store")
        ) {
            $0.share(somewhere)
            $0.share(somewhere, false)
            $0.write($0.noise(64), at: somewhere, mode: MODE_DEVICE)
        },
        FaultyRecord(
            "the guest writes to a page that it took back", .broken(.accountedWrites, rule: "never-described")
        ) {
            $0.share(somewhere)
            $0.share(somewhere, false)
            $0.write($0.noise(64), at: somewhere, mode: MODE_GUEST)
            $0.seal(page, $0.noise())
        },
        FaultyRecord(
            "the guest's memory in a page that it took back", .broken(.noSecret, rule: "plaintext-block")
        ) {
            let secret = $0.noise()
            $0.seal(page, secret)
            $0.share(somewhere)
            $0.share(somewhere, false)
            $0.write(Array(secret[256..<272]), at: somewhere, mode: MODE_GUEST)
        },
        FaultyRecord("a metadata page becomes shared", .broken(.accountedWrites, rule: "shared-unasked")) {
            $0.share($0.home(page_make(1, 6)))
        },
        FaultyRecord(
            "a nested entry to what was not shared", .broken(.accountedWrites, rule: "shared-unasked")
        ) {
            $0.violate(RESIDENCY_SHARED_UNASKED, address: somewhere, mode: MODE_HOST)
        },
    ]

    // MARK: the record itself

    static let records = [
        FaultyRecord("DRAM changed without a record", .fault("contradicts itself")) {
            $0.view[Int(somewhere)] ^= 1
        },
        FaultyRecord("loads that nobody saw", .fault("does not see what the CPU loads")) {
            $0.log.dropReads()
        },
        FaultyRecord("a log at its limit", .fault("reached its limit")) { $0.end.is_truncated = 1 },
        FaultyRecord("a privilege level that is in doubt", .fault("contradicts what else is known")) {
            ($0.end.refused, $0.end.privilege_misfits) = (1, 1)
        },
        FaultyRecord("a run that ended otherwise", .fault("did not end as asked")) {
            $0.inputs.hasEndedAsAsked = false
        },
        FaultyRecord("a region at the end without the keys", .fault("does not find them")) {
            $0.region = $0.noise($0.region.count)
        },
    ]
}
