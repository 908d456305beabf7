import Foundation
import FrostSamples
import FrostSupport
import Glibc

/// A headless Chromium with one page, driven over its DevTools protocol.
///
/// - Source: https://chromedevtools.github.io/devtools-protocol: messages are JSON, each ended by a zero byte.
final class Browser {
    static let path: String? = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"]
        .first { FileManager.default.isExecutableFile(atPath: $0) }

    /// What the page asked of the network or the disk.
    private(set) var requests: [String] = []
    /// What the page's console said, violations of its own content policy included.
    private(set) var errors: [String] = []

    private let child: ChildProcess
    private let scratch = try? Scratch()
    private let toBrowser: Int32
    private let fromBrowser: Int32
    private var pending: [UInt8] = []
    private var session: String?
    private var number = 0
    private var events: [String] = []

    init() throws {
        guard let path = Self.path, let folder = scratch?.url else { throw Failure.missing }
        let pipes = ["in", "out"].map { folder.appending(path: $0).plainPath }
        for pipe in pipes { mkfifo(pipe, 0o600) }
        // Open for both directions: then neither side waits for the other.
        toBrowser = open(pipes[0], O_RDWR | O_CLOEXEC)
        fromBrowser = open(pipes[1], O_RDWR | O_CLOEXEC)
        child = try ChildProcess(
            URL(filePath: "/bin/bash"),
            [
                "-c", "exec \"$0\" \"${@:3}\" 3<\"$1\" 4>\"$2\"", path, pipes[0], pipes[1],
                "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
                "--disable-dev-shm-usage", "--disable-background-networking", "--remote-debugging-pipe",
                "--user-data-dir=\(folder.appending(path: "profile").plainPath)", "about:blank",
            ], output: .none, error: .none)
        let target = try call("Target.createTarget", ["url": "about:blank"])["targetId"] as? String ?? ""
        session =
            try call("Target.attachToTarget", ["targetId": target, "flatten": true])["sessionId"] as? String
        for domain in ["Page", "Runtime", "Log", "Network"] { try call("\(domain).enable") }
    }

    deinit {
        _ = try? call("Browser.close", isOfPage: false)
        child.send(SIGTERM)
        _ = child.end(waiting: true)
        close(toBrowser)
        close(fromBrowser)
    }

    /// Loads a page, and waits until it has everything.
    func show(_ file: URL) throws {
        (requests, errors, events) = ([], [], [])
        try call("Page.navigate", ["url": file.absoluteString])
        while !events.contains("Page.loadEventFired") { take(try receive()) }
    }

    func setView(width: Int, height: Int = 900, isDark: Bool) throws {
        try call(
            "Emulation.setDeviceMetricsOverride",
            ["width": width, "height": height, "deviceScaleFactor": 1, "mobile": false])
        let scheme = ["name": "prefers-color-scheme", "value": isDark ? "dark" : "light"]
        try call("Emulation.setEmulatedMedia", ["features": [scheme]])
    }

    /// What an expression of JavaScript is, by way of JSON.
    func evaluate<Value: Decodable>(_ expression: String, as type: Value.Type = Value.self) throws -> Value {
        let answer = try call(
            "Runtime.evaluate",
            [
                "expression": "(async () => JSON.stringify(await (\(expression))))()", "returnByValue": true,
                "awaitPromise": true,
            ])
        let result = answer["result"] as? [String: Any]
        guard let text = result?["value"] as? String else { throw Failure.script("\(answer)") }
        return try JSONDecoder().decode(type, from: Data(text.utf8))
    }

    /// The whole page, as a PNG.
    func screenshot() throws -> Data {
        struct Size: Decodable {
            var width: Double, height: Double
        }
        let root = "document.documentElement"
        let size: Size = try evaluate(
            "({width: \(root).scrollWidth, height: Math.min(\(root).scrollHeight, 12000)})")
        let clip: [String: Any] = ["x": 0, "y": 0, "width": size.width, "height": size.height, "scale": 1]
        let answer = try call(
            "Page.captureScreenshot", ["format": "png", "captureBeyondViewport": true, "clip": clip])
        return Data(base64Encoded: answer["data"] as? String ?? "") ?? Data()
    }

    // MARK: protocol

    @discardableResult
    func call(_ method: String, _ parameters: [String: Any] = [:], isOfPage: Bool = true) throws -> [String:
        Any]
    {
        number += 1
        var message: [String: Any] = ["id": number, "method": method, "params": parameters]
        if isOfPage, let session { message["sessionId"] = session }
        Descriptor.write([UInt8](try JSONSerialization.data(withJSONObject: message)) + [0], to: toBrowser)
        while true {
            let answer = try receive()
            guard answer["id"] as? Int == number else {
                take(answer)
                continue
            }
            if let error = answer["error"] { throw Failure.script("\(method): \(error)") }
            return answer["result"] as? [String: Any] ?? [:]
        }
    }

    private func receive() throws -> [String: Any] {
        while true {
            if let end = pending.firstIndex(of: 0) {
                let message = Data(pending[..<end])
                pending.removeFirst(end + 1)
                return try JSONSerialization.jsonObject(with: message) as? [String: Any] ?? [:]
            }
            var polled = pollfd(fd: fromBrowser, events: Int16(POLLIN), revents: 0)
            guard poll(&polled, 1, 60_000) > 0, let bytes = Descriptor.read(fromBrowser) else {
                throw Failure.silent
            }
            pending += bytes
        }
    }

    private func take(_ event: [String: Any]) {
        guard let method = event["method"] as? String else { return }
        let parameters = event["params"] as? [String: Any] ?? [:]
        events.append(method)
        switch method {
        case "Network.requestWillBeSent":
            let request = parameters["request"] as? [String: Any]
            requests.append(request?["url"] as? String ?? "?")
        case "Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled":
            errors.append("\(parameters)")
        default: break
        }
    }

    enum Failure: Error {
        case missing
        case silent
        case script(String)
    }
}
