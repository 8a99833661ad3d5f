using System.Collections.Concurrent;
using System.Text.Json;

namespace NanoVlm.Weights.Hub;

/// <summary>
/// Finds files of the Hub: in the cache that Python's <c>huggingface_hub</c> uses too, else by downloading them into it. When the Hub
/// cannot be asked, what the cache has for the revision serves instead. Safe to use from several threads and processes at once.
/// </summary>
public sealed class HubClient : IDisposable
{
    private const int AtOnce = 4;

    private readonly HubOptions options;
    private readonly HubConnection connection;

    /// <summary>A client with the options that the environment gives.</summary>
    /// <exception cref="NanoVlmException">A variable cannot be used.</exception>
    public HubClient() : this(HubOptions.FromEnvironment()) { }

    /// <summary>A client.</summary>
    /// <param name="options">Which Hub, as whom, and where the cache is.</param>
    public HubClient(HubOptions options)
    {
        this.options = options;
        connection = new HubConnection(options);
    }

    internal string CacheFolder => options.CacheFolder;

    /// <summary>Lists a repository's files; offline, those of them that are in the cache.</summary>
    /// <param name="repository">The repository at its revision.</param>
    /// <param name="cancellation">Ends the request.</param>
    /// <returns>Their names, with '/' between folders.</returns>
    /// <exception cref="NanoVlmException">The Hub refuses or cannot be reached, or a name in the list is not a plain path.</exception>
    public Task<IReadOnlyList<string>> ListFiles(HubRepository repository, CancellationToken cancellation = default) => Answer(repository, async cache =>
    {
        if (options.Offline && cache.Commit() is null) throw Missing(repository, []);
        var listing = await Ask(repository, cache.Commit() is not null, () => List(repository, cancellation), cancellation);
        return listing?.Files ?? cache.Files(cache.Commit()!);
    });

    /// <summary>Finds a file, and downloads it if the cache lacks it.</summary>
    /// <param name="repository">The repository at its revision.</param>
    /// <param name="file">Its name in the repository.</param>
    /// <param name="cancellation">Stops; what came so far is kept for the next attempt.</param>
    /// <returns>Its path in the cache.</returns>
    /// <exception cref="NanoVlmException">There is no such file, or it cannot be fetched whole.</exception>
    public async Task<string> DownloadFile(HubRepository repository, string file, CancellationToken cancellation = default) =>
        Path.Combine([await DownloadFiles(repository, [file], null, cancellation), .. file.Split('/')]);

    /// <summary>Finds files of one commit, and downloads those that the cache lacks, some at a time.</summary>
    /// <param name="repository">The repository at its revision.</param>
    /// <param name="files">Their names in the repository, at least one.</param>
    /// <param name="progress">Told of progress, one report at a time.</param>
    /// <param name="cancellation">Stops; what came so far is kept for the next attempt.</param>
    /// <returns>The snapshot's folder, which may hold other files of the commit too.</returns>
    /// <exception cref="NanoVlmException">A file is not in the repository, or cannot be fetched whole.</exception>
    public Task<string> DownloadFiles(
        HubRepository repository, IReadOnlyCollection<string> files, IProgress<HubProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfZero(files.Count);
        foreach (var file in files) HubFile.CheckName(repository, file);
        return Answer(repository, async cache =>
        {
            var cached = cache.Commit() is { } known && files.All(file => cache.Has(known, file)) ? known : null;
            if (repository.IsPinned && cached is not null) return cache.Snapshot(cached);
            if (options.Offline && cached is null)
                throw Missing(repository, cache.Commit() is { } commit ? files.Where(file => !cache.Has(commit, file)) : files);

            var first = await Ask(repository, cached is not null, () => Head(repository, repository.Revision, files.First(), cancellation), cancellation);
            if (first is null) return cache.Snapshot(cached!);
            await Fetch(repository, first.Commit, [first], files, progress, cancellation);
            cache.Remember(first.Commit);
            return cache.Snapshot(first.Commit);
        });
    }

    /// <summary>Finds a repository's files, and downloads those that the cache lacks, some at a time.</summary>
    /// <param name="repository">The repository at its revision.</param>
    /// <param name="wanted">Which files; all if null.</param>
    /// <param name="progress">Told of progress, one report at a time.</param>
    /// <param name="cancellation">Stops; what came so far is kept for the next attempt.</param>
    /// <returns>The snapshot's folder.</returns>
    /// <exception cref="NanoVlmException">The Hub refuses or cannot be reached and the cache has no snapshot, no file is wanted, or one
    /// cannot be fetched whole.</exception>
    public Task<string> DownloadSnapshot(
        HubRepository repository, Func<string, bool>? wanted = null, IProgress<HubProgress>? progress = null, CancellationToken cancellation = default) =>
        Answer(repository, async cache =>
        {
            var cached = cache.Commit() is { } known && Directory.Exists(cache.Snapshot(known)) ? known : null;
            if (options.Offline && cached is null) throw Missing(repository, []);
            var listing = await Ask(repository, cached is not null, () => List(repository, cancellation), cancellation);
            if (listing is null) return cache.Snapshot(cached!);

            var files = listing.Files.Where(wanted ?? (_ => true)).ToList();
            if (files.Count == 0)
                throw new NanoVlmException($"{repository} has none of the files that are wanted; it has {(listing.Files.Count == 0 ? "none at all" : string.Join(", ", listing.Files.Take(20)))}");
            await Fetch(repository, listing.Commit, [], files, progress, cancellation);
            cache.Remember(listing.Commit); // last: until all is here, the revision is what it was
            return cache.Snapshot(listing.Commit);
        });

    /// <summary>Closes the connections.</summary>
    public void Dispose() => connection.Dispose();

    // Asks the Hub, and gives null where the cache must serve: at once if it can, else after the attempts.
    private async Task<T?> Ask<T>(HubRepository repository, bool cached, Func<Task<T>> request, CancellationToken cancellation) where T : class
    {
        if (options.Offline) return null;
        try
        {
            return cached ? await request() : await connection.Retry(request, cancellation);
        }
        catch (HubRequestException e) when (cached && e.Failure != HubFailure.Definite)
        {
            return null;
        }
        catch (HubRequestException e) when (e.Failure == HubFailure.Passing)
        {
            throw new HubRequestException(e.Failure, $"{e.Message}; and the cache {options.CacheFolder} has no copy of {repository} to use instead", e);
        }
    }

    private async Task Fetch(
        HubRepository repository, string commit, IReadOnlyList<HubFile> known, IEnumerable<string> files, IProgress<HubProgress>? progress, CancellationToken cancellation)
    {
        var cache = new HubCache(options, repository);
        var missing = files.Distinct().Where(file => !cache.Has(commit, file)).ToList();
        var announced = new ConcurrentDictionary<string, HubFile>(known.ToDictionary(file => file.Name));
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancellation };
        // Sizes first: progress needs the whole, and a name that is wrong shows before gigabytes have come.
        await Parallel.ForEachAsync(missing.Where(file => !announced.ContainsKey(file)), parallel, async (file, stop) =>
            announced[file] = await connection.Retry(() => Head(repository, commit, file, stop), stop) with { Commit = commit });

        var downloads = missing.Select(file => announced[file]).ToList();
        var transfers = new TransferProgress(downloads, cache.Here, progress);
        await Parallel.ForEachAsync(downloads, parallel, async (file, stop) =>
        {
            var blob = cache.Blob(file.Etag);
            using var held = await FileLock.Acquire(cache.Lock(file.Etag), () => transfers.Report(file, HubFileState.Waiting, cache.Here(file)), stop);
            var isNew = !File.Exists(blob) && !cache.Has(file.Commit, file.Name);
            if (isNew)
                await new BlobDownload(connection, repository, file, blob, cache.Incomplete(file.Etag), here => transfers.Report(file, HubFileState.Receiving, here)).Run(stop);
            cache.Link(file, isNew);
            transfers.Report(file, HubFileState.Done, file.Size);
        });
    }

    private async Task<HubFile> Head(HubRepository repository, string revision, string file, CancellationToken cancellation)
    {
        string? commit = null, etag = null, linkedEtag = null;
        long? size = null, linkedSize = null;
        using var request = new HttpRequestMessage(HttpMethod.Head, new Uri(options.Endpoint, repository.FilePath(revision, file)));
        using var last = await connection.Send(repository, file, request, response =>
        {
            commit ??= HubRefusal.Header(response, "X-Repo-Commit");
            linkedEtag ??= HubRefusal.Header(response, "X-Linked-Etag");
            linkedSize ??= long.TryParse(HubRefusal.Header(response, "X-Linked-Size"), out var linked) ? linked : null;
            etag = HubRefusal.Header(response, "ETag") ?? etag;
            size = response.IsSuccessStatusCode ? response.Content.Headers.ContentLength : null;
        }, cancellation);

        etag = linkedEtag ?? etag;
        if (etag is not null) etag = (etag.StartsWith("W/", StringComparison.Ordinal) ? etag[2..] : etag).Trim('"');
        size = linkedSize ?? size;
        if (commit is null || etag is null || size is null)
            throw new HubRequestException(HubFailure.Refused, $"{options.Endpoint} does not answer as a Hub does: no {(commit is null ? "commit" : etag is null ? "hash" : "size")} came for {repository}: {file}. Check HF_ENDPOINT, and what stands between (a proxy, a sign-in page)");
        if (!HubRepository.IsCommit(commit) || !HubFile.IsEtag(etag) || size < 0)
            throw new HubRequestException(HubFailure.Definite, $"{repository}: {file}: the server announced commit '{commit}', hash '{etag}' and size {size}, which cannot be");
        return new HubFile(file, commit, etag, size.Value);
    }

    private async Task<Listing> List(HubRepository repository, CancellationToken cancellation)
    {
        var address = new Uri(options.Endpoint, repository.ListPath);
        using var request = new HttpRequestMessage(HttpMethod.Get, address);
        using var response = await connection.Send(repository, null, request, null, cancellation);
        using var text = new MemoryStream();
        using var body = await response.Content.ReadAsStreamAsync(cancellation);
        var buffer = new byte[1 << 16];
        while (await connection.Read(body, buffer, address, cancellation) is > 0 and var count) text.Write(buffer, 0, count);
        try
        {
            using var json = JsonDocument.Parse(text.GetBuffer().AsMemory(0, (int)text.Length));
            var commit = json.RootElement.GetProperty("sha").GetString() ?? "";
            if (!HubRepository.IsCommit(commit)) throw new FormatException($"the commit is '{commit}'");
            var files = json.RootElement.GetProperty("siblings").EnumerateArray().Select(file => file.GetProperty("rfilename").GetString() ?? "");
            return new Listing(commit, [.. files.Select(file => HubFile.CheckName(repository, file))]);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new HubRequestException(HubFailure.Refused, $"{address} does not answer with a list of files ({e.Message}). Check HF_ENDPOINT, and what stands between (a proxy, a sign-in page)", e);
        }
    }

    private async Task<T> Answer<T>(HubRepository repository, Func<HubCache, Task<T>> answer)
    {
        try
        {
            return await answer(new HubCache(options, repository));
        }
        catch (HubRequestException e)
        {
            throw e.ForPeople();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new NanoVlmException($"{repository}: the cache {options.CacheFolder} cannot be used: {e.Message}", e);
        }
    }

    private NanoVlmException Missing(HubRepository repository, IEnumerable<string> files)
    {
        var names = files.ToList();
        var command = $"nanovlm download {(repository.Kind == HubRepositoryKind.Dataset ? "--dataset " : "")}{repository}{(names.Count == 0 ? "" : $" --file {string.Join(' ', names)}")}";
        return new($"the cache {options.CacheFolder} lacks {repository}{(names.Count == 0 ? "" : $": {string.Join(", ", names)}")}, and HF_HUB_OFFLINE forbids to download; unset it, or fill the cache where there is a network: {command}");
    }

    private sealed record Listing(string Commit, IReadOnlyList<string> Files);
}
