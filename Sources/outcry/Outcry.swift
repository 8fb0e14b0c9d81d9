import ArgumentParser

@main struct Outcry: AsyncParsableCommand {
    func run() async throws {}
}
