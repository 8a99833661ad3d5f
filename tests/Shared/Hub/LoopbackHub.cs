using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace NanoVlm.Shared;

/// <summary>
/// A Hub with one repository, and the host it redirects large files to. Small files come from the Hub itself, by a relative redirect, as
/// on the real one.
/// </summary>
public sealed class LoopbackHub : IDisposable
{
    public const string Commit = "0123456789abcdef0123456789abcdef01234567";

    private readonly string page;
    private readonly string api;
    private readonly Dictionary<string, (byte[] Content, bool Large)> files = [];

    public LoopbackHub(string id = "org/name", bool dataset = false)
    {
        page = dataset ? $"/datasets/{id}" : $"/{id}";
        api = dataset ? $"/api/datasets/{id}" : $"/api/models/{id}";
        Cdn = new LoopbackServer(request => OnCdn(request) ?? Content(request, Uri.UnescapeDataString(request.Path.Split('?')[0]["/cdn/".Length..])));
        Server = new LoopbackServer(request => OnHub(request) ?? Answer(request));
    }

    public LoopbackServer Server { get; }

    public LoopbackServer Cdn { get; }

    public string Endpoint => Server.Address;

    /// <summary>What the Hub answers before its usual answer; null leaves it at that.</summary>
    public Func<ServedRequest, ServedReply?> OnHub { get; set; } = _ => null;

    /// <summary>The same of the other host.</summary>
    public Func<ServedRequest, ServedReply?> OnCdn { get; set; } = _ => null;

    /// <summary>The commits of branches and tags.</summary>
    public Dictionary<string, string> Revisions { get; } = new() { ["main"] = Commit };

    /// <summary>Names that only the list has.</summary>
    public List<string> AlsoListed { get; } = [];

    public ConcurrentDictionary<string, long> AnnouncedSizes { get; } = [];

    public ConcurrentDictionary<string, string> AnnouncedEtags { get; } = [];

    /// <summary>Adds a small file, which is named by git's hash.</summary>
    public void AddSmall(string name, string content) => files[name] = (Encoding.UTF8.GetBytes(content), false);

    /// <summary>Adds a large file, which is named by its SHA-256; gives its content.</summary>
    public byte[] AddLarge(string name, int size)
    {
        var content = new byte[size];
        new Random(size).NextBytes(content);
        files[name] = (content, true);
        return content;
    }

    /// <summary>Adds a large file with this content.</summary>
    public void AddLarge(string name, byte[] content) => files[name] = (content, true);

    public void Remove(string name) => files.Remove(name);

    public string Etag(string name) => files[name] is var (content, large) && large
        ? Convert.ToHexStringLower(SHA256.HashData(content))
        : Convert.ToHexStringLower(SHA1.HashData([.. Encoding.ASCII.GetBytes($"blob {content.Length}\0"), .. content]));

    /// <summary>The content of a file, or the part that is asked for.</summary>
    public ServedReply Content(ServedRequest request, string name)
    {
        var content = files[name].Content;
        if (request.From is not { } from) return new ServedReply(200) { Body = content };
        return from < content.Length
            ? new ServedReply(206, ("Content-Range", $"bytes {from}-{content.Length - 1}/{content.Length}")) { Body = content[(int)from..] }
            : new ServedReply(416, ("Content-Range", $"bytes */{content.Length}"));
    }

    /// <summary>An answer that breaks off after some bytes of the part that is asked for.</summary>
    public ServedReply Broken(ServedRequest request, string name, int bytes, Task? hold = null) =>
        Content(request, name) with { BreakAt = bytes, Hold = hold ?? Task.CompletedTask };

    public void Dispose()
    {
        Server.Dispose();
        Cdn.Dispose();
    }

    private ServedReply Answer(ServedRequest request)
    {
        var path = request.Path.Split('?')[0];
        if (path.StartsWith($"{api}/revision/", StringComparison.Ordinal)) return List(Uri.UnescapeDataString(path[$"{api}/revision/".Length..]));
        if (path.StartsWith("/resolve-cache/", StringComparison.Ordinal))
        {
            var name = Uri.UnescapeDataString(path["/resolve-cache/".Length..]);
            var reply = Content(request, name);
            return reply with { Headers = [.. reply.Headers, ("X-Repo-Commit", Commit), ("ETag", $"W/\"{Announced(name)}\"")] };
        }
        if (!path.StartsWith($"{page}/resolve/", StringComparison.Ordinal)) return Error(404, "RepoNotFound", "Repository not found");

        var rest = path[$"{page}/resolve/".Length..].Split('/', 2);
        if (CommitOf(Uri.UnescapeDataString(rest[0])) is not { } commit) return Error(404, "RevisionNotFound", "Invalid rev id");
        var file = Uri.UnescapeDataString(rest[1]);
        if (!files.TryGetValue(file, out var found)) return Error(404, "EntryNotFound", "Entry not found");
        if (!found.Large) return new ServedReply(307, ("Location", $"/resolve-cache/{rest[1]}"), ("X-Repo-Commit", commit));
        return new ServedReply(302,
            ("Location", $"{Cdn.Address}/cdn/{rest[1]}?signature=1"), ("X-Repo-Commit", commit), ("X-Linked-Etag", $"\"{Announced(file)}\""),
            ("X-Linked-Size", $"{AnnouncedSizes.GetValueOrDefault(file, found.Content.Length)}"), ("ETag", "\"of-the-pointer\""));
    }

    private ServedReply List(string revision) => CommitOf(revision) is { } commit
        ? new ServedReply(200, ("Content-Type", "application/json"))
        {
            Body = JsonSerializer.SerializeToUtf8Bytes(new { id = page[1..], sha = commit, siblings = files.Keys.Concat(AlsoListed).Select(name => new { rfilename = name }) }),
        }
        : Error(404, "RevisionNotFound", "Invalid rev id");

    private string Announced(string file) => AnnouncedEtags.GetValueOrDefault(file, Etag(file));

    private string? CommitOf(string revision) => Revisions.GetValueOrDefault(revision) ?? (Revisions.ContainsValue(revision) ? revision : null);

    public static ServedReply Error(int status, string code, string message) => new(status, ("X-Error-Code", code), ("X-Error-Message", message));
}
