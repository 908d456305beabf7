@testable import FrostSweep
import Testing

@Suite struct KernelComplaintsTests {
    @Test("Warnings and worse of the kernel's are complaints, other levels and other facilities are not")
    func levels() {
        let console = """
            SeaBIOS
            <5>[    0.000000] Linux version 6.1.0
            <4>[    0.000000] hpet: Config register invalid. Disabling HPET\r
            <3>[   12.048000] ..MP-BIOS bug: 8254 timer not connected to IO-APIC
            <12>[   13.000000] systemd[1]: a warning of user space
            <0>[   34.847553] reboot: Power down
            frost: <4> of user space
            """
        #expect(
            KernelComplaints.texts(in: console) == [
                "hpet: Config register invalid. Disabling HPET",
                "..MP-BIOS bug: 8254 timer not connected to IO-APIC",
            ])
    }

    @Test("A console without levels tells nothing, one with levels and no complaint tells that")
    func silence() {
        #expect(KernelComplaints.texts(in: "[    0.000000] Linux version 6.1.0\nhello") == nil)
        #expect(KernelComplaints.texts(in: "<6>[    0.000000] Linux version 6.1.0") == [])
    }
}
