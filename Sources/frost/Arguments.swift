public import ArgumentParser
public import FrostKit

extension Platform: ExpressibleByArgument {}
extension FreezeStrategy: ExpressibleByArgument {}
extension EngineChoice: ExpressibleByArgument {}
extension EvictionPolicy: ExpressibleByArgument {}
extension LinuxGuest.KernelEntry: ExpressibleByArgument {}
extension CacheChoice.Vendor: ExpressibleByArgument {}
extension CacheChoice.Replacement: ExpressibleByArgument {}
extension TraceExport: ExpressibleByArgument {}
