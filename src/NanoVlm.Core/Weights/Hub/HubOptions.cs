using System.Globalization;
using System.Text.RegularExpressions;

namespace NanoVlm.Weights.Hub;

/// <summary>Which Hub is asked, as whom, and where its files are kept; the variables are those of Python's <c>huggingface_hub</c>.</summary>
public sealed partial record HubOptions
{
    /// <summary>The Hub's address (<c>HF_ENDPOINT</c>).</summary>
    public Uri Endpoint
    {
        get;
        init => field = value.AbsoluteUri.EndsWith('/') ? value : new Uri(value.AbsoluteUri + "/"); // other addresses go below it
    } = new("https://huggingface.co/");

    /// <summary>The cache (<c>HF_HUB_CACHE</c>, else <c>HF_HOME/hub</c>).</summary>
    public required string CacheFolder { get; init; }

    /// <summary>Who asks (<c>HF_TOKEN</c>, else the file <c>HF_TOKEN_PATH</c> or <c>HF_HOME/token</c>); null asks as nobody.</summary>
    public string? Token { get; init; }

    /// <summary>Where the token came from, for messages.</summary>
    public string TokenOrigin { get; init; } = "HF_TOKEN";

    /// <summary>Whether to serve from the cache alone (<c>HF_HUB_OFFLINE</c>).</summary>
    public bool Offline { get; init; }

    /// <summary>Whether snapshots may link to blobs; without links they hold the files themselves (<c>HF_HUB_DISABLE_SYMLINKS</c>).</summary>
    public bool Symlinks { get; init; } = true;

    /// <summary>How long a server may be silent before the request counts as broken (<c>HF_HUB_DOWNLOAD_TIMEOUT</c>, seconds).</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The wait before the first repetition of a broken request; each further one waits twice as long.</summary>
    public TimeSpan RetryDelay { get; init; } = TimeSpan.FromSeconds(0.5);

    /// <summary>The endpoint and the cache; never the token.</summary>
    public override string ToString() => $"{Endpoint} in {CacheFolder}";

    /// <summary>Reads this process's environment variables.</summary>
    /// <exception cref="NanoVlmException">A variable cannot be used.</exception>
    public static HubOptions FromEnvironment() => FromEnvironment(Environment.GetEnvironmentVariable);

    /// <summary>Reads environment variables.</summary>
    /// <param name="read">Gives a variable's value, or null.</param>
    /// <exception cref="NanoVlmException">A variable cannot be used.</exception>
    public static HubOptions FromEnvironment(Func<string, string?> read)
    {
        var userHome = Variable("HOME") ?? Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        var home = Folder("HF_HOME") ?? Path.Combine(Variable("XDG_CACHE_HOME") ?? Path.Combine(userHome, ".cache"), "huggingface");
        var tokenFile = Folder("HF_TOKEN_PATH") ?? Path.Combine(home, "token");
        var tokenVariable = new[] { "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN" }.FirstOrDefault(name => Variable(name)?.Trim().Length > 0);
        var origin = tokenVariable ?? tokenFile;
        return new HubOptions
        {
            Endpoint = EndpointOf(Variable("HF_ENDPOINT") ?? "https://huggingface.co"),
            CacheFolder = Path.GetFullPath(Folder("HF_HUB_CACHE") ?? Folder("HUGGINGFACE_HUB_CACHE") ?? Path.Combine(home, "hub")),
            Token = Clean(tokenVariable is null ? TextOf(tokenFile) : Variable(tokenVariable)!, origin),
            TokenOrigin = origin,
            Offline = IsTrue("HF_HUB_OFFLINE") || (Variable("HF_HUB_OFFLINE") is null && IsTrue("TRANSFORMERS_OFFLINE")),
            Symlinks = !IsTrue("HF_HUB_DISABLE_SYMLINKS"),
            Timeout = int.TryParse(Variable("HF_HUB_DOWNLOAD_TIMEOUT"), NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) && seconds > 0
                ? TimeSpan.FromSeconds(seconds)
                : TimeSpan.FromSeconds(10),
        };

        string? Variable(string name) => read(name) is { Length: > 0 } value ? value : null;
        bool IsTrue(string name) => Variable(name)?.ToUpperInvariant() is "1" or "ON" or "YES" or "TRUE";
        string? Folder(string name) => Variable(name) is not { } path ? null : Reference().Replace(
            path == "~" || path.StartsWith("~/", StringComparison.Ordinal) ? userHome + path[1..] : path,
            match => Variable(match.Groups[1].Value) ?? match.Value);
    }

    private static Uri EndpointOf(string address) =>
        Uri.TryCreate(address.TrimEnd('/'), UriKind.Absolute, out var endpoint) && endpoint.Scheme is "http" or "https"
            ? endpoint
            : throw new NanoVlmException($"HF_ENDPOINT is '{address}'; expected an address such as https://huggingface.co");

    private static string TextOf(string path)
    {
        try
        {
            return File.Exists(path) ? File.ReadAllText(path) : "";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new NanoVlmException($"{path}: the token cannot be read: {e.Message}", e);
        }
    }

    private static string? Clean(string token, string origin)
    {
        var clean = token.Replace("\r", "", StringComparison.Ordinal).Replace("\n", "", StringComparison.Ordinal).Trim();
        if (clean.Any(c => c is <= ' ' or > '~')) throw new NanoVlmException($"the token from {origin} holds a character that no token has; expected one line such as hf_...");
        return clean.Length > 0 ? clean : null;
    }

    [GeneratedRegex(@"\$\{?(\w+)\}?")]
    private static partial Regex Reference();
}
