import ArgumentParser
import FrostFormat
import FrostHost
import FrostImage
import FrostMachine
import FrostMeasure

extension Board.Chipset: ExpressibleByArgument {}
extension Board.IOMMU: ExpressibleByArgument {}
extension Firmware: ExpressibleByArgument {}
extension GuestDisk.Bus: ExpressibleByArgument {}
extension GuestNetwork.Card: ExpressibleByArgument {}
extension Platform: ExpressibleByArgument {}
extension FreezeStrategy: ExpressibleByArgument {}
extension CacheDemand: ExpressibleByArgument {}
extension EngineChoice: ExpressibleByArgument {}
extension EvictionPolicy: ExpressibleByArgument {}
extension CipherChoice: ExpressibleByArgument {}
extension DeviceSharing: ExpressibleByArgument {}
extension LinuxGuest.KernelEntry: ExpressibleByArgument {}
extension CacheChoice.Vendor: ExpressibleByArgument {}
extension CacheChoice.Replacement: ExpressibleByArgument {}
extension TPMInterface: ExpressibleByArgument {}
extension TraceExport: ExpressibleByArgument {}
extension ReplayPolicy: ExpressibleByArgument {}

extension CompletionKind {
    /// The guests of images/, as they are when Tab is pressed.
    static var recipe: CompletionKind {
        .custom { _, _, _ in (try? SourceTree()).map { Recipe.names(in: $0) } ?? [] }
    }
}
