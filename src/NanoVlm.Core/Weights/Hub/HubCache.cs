namespace NanoVlm.Weights.Hub;

/// <summary>
/// A repository's part of the cache, laid out as Python's <c>huggingface_hub</c> does: contents in <c>blobs</c> by their hash, a
/// folder of links for each commit in <c>snapshots</c>, the commits of branches and tags in <c>refs</c>, locks beside the repositories.
/// </summary>
internal sealed class HubCache(HubOptions options, HubRepository repository)
{
    private readonly string folder = Path.Combine(options.CacheFolder, repository.FolderName);

    public string Snapshot(string commit) => Path.Combine(folder, "snapshots", commit);

    public string Pointer(string commit, string file) => Path.Combine([Snapshot(commit), .. file.Split('/')]);

    public string Blob(string etag) => Path.Combine(folder, "blobs", etag);

    public string Incomplete(string etag) => Blob(etag) + ".incomplete";

    public string Lock(string etag) => Path.Combine(options.CacheFolder, ".locks", repository.FolderName, etag + ".lock");

    /// <summary>Whether a commit's file is here; a link to a blob that is gone is not.</summary>
    public bool Has(string commit, string file) => Exists(Pointer(commit, file));

    /// <summary>How many bytes of a file are here, whole or left by an earlier attempt.</summary>
    public long Here(HubFile file) => new FileInfo(Incomplete(file.Etag)) is { Exists: true } left ? Math.Min(left.Length, file.Size)
        : File.Exists(Blob(file.Etag)) ? file.Size : 0;

    /// <summary>The commit that the revision is, or was when it was last asked for; null if it never was.</summary>
    public string? Commit()
    {
        if (repository.IsPinned) return repository.Revision;
        var path = Reference();
        if (!File.Exists(path)) return null;
        var commit = File.ReadAllText(path).Trim();
        return HubRepository.IsCommit(commit) ? commit : null;
    }

    /// <summary>The files of a commit that are here.</summary>
    public IReadOnlyList<string> Files(string commit)
    {
        var snapshot = Snapshot(commit);
        return Directory.Exists(snapshot)
            ? [.. Directory.EnumerateFiles(snapshot, "*", SearchOption.AllDirectories).Where(Exists)
                .Select(path => Path.GetRelativePath(snapshot, path).Replace(Path.DirectorySeparatorChar, '/')).Order(StringComparer.Ordinal)]
            : [];
    }

    /// <summary>Notes which commit the revision is. A cache that may only be read is left as it is.</summary>
    public void Remember(string commit)
    {
        if (repository.IsPinned || Commit() == commit) return;
        var path = Reference();
        var temporary = Path.Combine(folder, $".{Path.GetRandomFileName()}");
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(temporary, commit);
            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (File.Exists(temporary)) File.Delete(temporary);
        }
    }

    /// <summary>Puts a blob into a commit's snapshot: as a relative link, or where there are no links as the file itself.</summary>
    /// <param name="file">The file.</param>
    /// <param name="isNew">Whether nothing else can refer to the blob yet.</param>
    public void Link(HubFile file, bool isNew)
    {
        var pointer = Pointer(file.Commit, file.Name);
        if (Exists(pointer)) return;
        var target = Directory.CreateDirectory(Path.GetDirectoryName(pointer)!).FullName;
        File.Delete(pointer); // a link to a blob that is gone
        if (options.Symlinks && TryLink(pointer, Path.GetRelativePath(target, Blob(file.Etag)))) return;
        if (isNew)
        {
            File.Move(Blob(file.Etag), pointer);
            return;
        }
        var copy = Incomplete($"{file.Etag}.{Path.GetRandomFileName()}");
        File.Copy(Blob(file.Etag), copy);
        File.Move(copy, pointer, overwrite: true);
    }

    /// <summary>Whether a file is there: <see cref="File.Exists"/> is also true of a link to nothing.</summary>
    public static bool Exists(string path) => File.Exists(path) && File.ResolveLinkTarget(path, returnFinalTarget: true) is not { Exists: false };

    private string Reference() => Path.Combine([folder, "refs", .. repository.Revision.Split('/')]);

    private static bool TryLink(string pointer, string target)
    {
        try
        {
            File.CreateSymbolicLink(pointer, target);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return Exists(pointer); // another process was quicker; else a system or a volume without links
        }
    }
}
