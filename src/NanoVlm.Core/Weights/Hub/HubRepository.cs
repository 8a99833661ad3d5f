using System.Diagnostics.CodeAnalysis;
using System.Text.RegularExpressions;

namespace NanoVlm.Weights.Hub;

/// <summary>A repository of the Hub at a revision: <c>org/name@revision</c>.</summary>
public sealed partial record HubRepository
{
    /// <summary>The revision that is meant when none is named.</summary>
    public const string DefaultRevision = "main";

    /// <summary>Names a repository.</summary>
    /// <param name="id"><c>org/name</c>.</param>
    /// <param name="revision">A branch, a tag or a commit of 40 hexadecimal digits.</param>
    /// <param name="kind">What it holds.</param>
    /// <exception cref="NanoVlmException">The name or the revision breaks the Hub's rules.</exception>
    public HubRepository(string id, string revision = DefaultRevision, HubRepositoryKind kind = HubRepositoryKind.Model)
    {
        if (!IsId(id))
            throw new NanoVlmException($"'{id}' is not the name of a repository; expected org/name, each of letters, digits, '-', '_' and '.'");
        if (!RevisionRule().IsMatch(revision))
            throw new NanoVlmException($"'{revision}' is not a revision of {id}; expected a branch, a tag or a commit");
        Id = id;
        Revision = revision;
        Kind = kind;
    }

    /// <summary><c>org/name</c>.</summary>
    public string Id { get; }

    /// <summary>A branch, a tag or a commit.</summary>
    public string Revision { get; }

    /// <summary>What it holds.</summary>
    public HubRepositoryKind Kind { get; }

    /// <summary>Reads <c>org/name</c> or <c>org/name@revision</c>.</summary>
    /// <exception cref="NanoVlmException">It is neither.</exception>
    public static HubRepository Parse(string name, HubRepositoryKind kind = HubRepositoryKind.Model)
    {
        var at = name.IndexOf('@');
        return at < 0 ? new(name, DefaultRevision, kind) : new(name[..at], name[(at + 1)..], kind);
    }

    /// <summary>Reads <c>org/name</c> or <c>org/name@revision</c>, if it is one of them.</summary>
    public static bool TryParse(string name, [NotNullWhen(true)] out HubRepository? repository, HubRepositoryKind kind = HubRepositoryKind.Model)
    {
        try
        {
            repository = Parse(name, kind);
        }
        catch (NanoVlmException)
        {
            repository = null;
        }
        return repository is not null;
    }

    /// <summary><c>org/name</c>, and the revision where it is not the default one.</summary>
    public override string ToString() => Revision == DefaultRevision ? Id : $"{Id}@{Revision}";

    /// <summary>Whether the revision can never mean other files.</summary>
    internal bool IsPinned => IsCommit(Revision);

    /// <summary>Its folder in the cache.</summary>
    internal string FolderName => $"{Plural}--{Id.Replace("/", "--", StringComparison.Ordinal)}";

    /// <summary>What a message calls it.</summary>
    internal string Noun => Kind == HubRepositoryKind.Model ? "model" : "data set";

    /// <summary>The page that people read, below the endpoint.</summary>
    internal string Page => Kind == HubRepositoryKind.Model ? Id : $"{Plural}/{Id}";

    /// <summary>Where a file is, below the endpoint.</summary>
    internal string FilePath(string revision, string file) => $"{Page}/resolve/{Uri.EscapeDataString(revision)}/{string.Join('/', file.Split('/').Select(Uri.EscapeDataString))}";

    /// <summary>Where the list of files is, below the endpoint.</summary>
    internal string ListPath => $"api/{Plural}/{Id}/revision/{Uri.EscapeDataString(Revision)}";

    internal static bool IsCommit(string text) => CommitRule().IsMatch(text);

    private string Plural => Kind == HubRepositoryKind.Model ? "models" : "datasets";

    // The rules of the Hub: '--' stands for '/' in the cache, '..' would leave it.
    private static bool IsId(string id) =>
        IdRule().IsMatch(id) && id.Length <= 96 && !id.Contains("--", StringComparison.Ordinal) && !id.Contains("..", StringComparison.Ordinal)
        && !id.EndsWith(".git", StringComparison.Ordinal);

    [GeneratedRegex(@"\A[A-Za-z0-9_](?:[\w.-]*[A-Za-z0-9_])?/[A-Za-z0-9_](?:[\w.-]*[A-Za-z0-9_])?\z", RegexOptions.ECMAScript)]
    private static partial Regex IdRule();

    // Git's rules for the name of a reference, which also make it a path that stays below its folder.
    [GeneratedRegex(@"\A(?![./])(?!.*(?:\.\.|//|/\.|@\{|\.lock(?:/|\z)))[^\s\p{C}\\~^:?*\[]+(?<![./])\z")]
    private static partial Regex RevisionRule();

    [GeneratedRegex(@"\A[0-9a-f]{40}\z")]
    private static partial Regex CommitRule();
}
