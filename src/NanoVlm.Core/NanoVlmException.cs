namespace NanoVlm;

/// <summary>
/// A failure that a person can act on: its message names the file, key or tensor, what was expected and what to do.
/// The command line prints the message alone and exits with code 1.
/// </summary>
/// <param name="message">What is wrong, where, and what to do.</param>
/// <param name="inner">The failure behind it, if any.</param>
public class NanoVlmException(string message, Exception? inner = null) : Exception(message, inner);
