public import ArgumentParser
public import FrostKit

extension ByteCount: ExpressibleByArgument {
    public init?(argument: String) {
        try? self.init(parsing: argument)
    }
}

extension TimeSpan: ExpressibleByArgument {
    public init?(argument: String) {
        try? self.init(parsing: argument)
    }
}

extension Platform: ExpressibleByArgument {}
extension FreezeStrategy: ExpressibleByArgument {}
extension EngineChoice: ExpressibleByArgument {}
extension EvictionPolicy: ExpressibleByArgument {}
extension LinuxGuest.KernelEntry: ExpressibleByArgument {}
