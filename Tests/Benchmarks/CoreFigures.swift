// Figures (a) and (b): of the core alone, in this process, by the processor time of this thread.

/// Figure (a): the match and the whole step, at 10 to 10 000 rules.
func matching(_ report: Report, in folder: String) throws {
    report.skip("match", "the engine is not merged yet")
}

/// Figure (b): one body of a kilobyte.
func decoding(_ report: Report) throws {
    report.skip("decode", "the decoder is not merged yet")
}
