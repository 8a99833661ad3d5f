using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;

namespace NanoVlm.Weights.Hub;

/// <summary>Fetches one file's content into <c>blobs</c>: goes on where an earlier attempt stopped, and only what is whole and checked gets its name.</summary>
internal sealed class BlobDownload(HubConnection connection, HubRepository repository, HubFile file, string blob, string incomplete, Action<long> report)
{
    private readonly Uri address = new(connection.Options.Endpoint, repository.FilePath(file.Commit, file.Name));

    /// <summary>Runs it. The caller holds the blob's lock.</summary>
    /// <exception cref="HubRequestException">The content does not come, or it is not what was announced.</exception>
    public async Task Run(CancellationToken cancellation)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(blob)!);
        try
        {
            using var stream = new FileStream(incomplete, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            if (stream.Length > file.Size) stream.SetLength(0);
            var resumed = stream.Length > 0;
            await Transfer(stream, cancellation);
            var digest = await Digest(stream, cancellation);
            if (digest != file.Etag && resumed)
            {
                // What lay there may have been damaged: once more from the beginning.
                stream.SetLength(0);
                await Transfer(stream, cancellation);
                digest = await Digest(stream, cancellation);
            }
            if (digest != file.Etag)
                throw Wrong($"the hash of what came is {digest}, announced was {file.Etag}; it was deleted. Try again; if it stays so, the server or something before it is at fault");
            stream.Flush(flushToDisk: true);
        }
        catch (HubRequestException e) when (e.Failure == HubFailure.Definite)
        {
            File.Delete(incomplete);
            throw;
        }
        File.Move(incomplete, blob, overwrite: true);
    }

    // Any number of interruptions is borne as long as each attempt gets further.
    private async Task Transfer(FileStream stream, CancellationToken cancellation)
    {
        var furthest = stream.Length;
        report(furthest);
        for (var failures = 0; stream.Length < file.Size;)
        {
            try
            {
                await TransferOnce(stream, cancellation);
            }
            catch (HubRequestException e)
            {
                if (stream.Length > furthest) failures = 0;
                furthest = Math.Max(furthest, stream.Length);
                await connection.Wait(e, ++failures, cancellation);
            }
        }
    }

    private async Task TransferOnce(FileStream stream, CancellationToken cancellation)
    {
        // Always by way of the Hub: the address it redirects to is signed and runs out.
        using var request = new HttpRequestMessage(HttpMethod.Get, address);
        if (stream.Length > 0) request.Headers.Range = new RangeHeaderValue(stream.Length, null);
        using var response = await SendForRange(request, stream, cancellation);
        var range = response.Content.Headers.ContentRange;
        var isPart = response.StatusCode == HttpStatusCode.PartialContent;
        if (!isPart || range?.From != stream.Length)
        {
            stream.SetLength(0);
            if (isPart && range?.From != 0) throw new HubRequestException(HubFailure.Passing, $"{Name}: the server sent another part than it was asked for");
        }
        if ((range is null ? response.Content.Headers.ContentLength : range.Length) is { } length && length != file.Size)
            throw Wrong($"the server announced {file.Size} bytes and sends {length}");

        stream.Seek(0, SeekOrigin.End);
        var host = response.RequestMessage!.RequestUri!;
        using var body = await response.Content.ReadAsStreamAsync(cancellation);
        var buffer = new byte[1 << 17];
        while (await Read(body, buffer, host, stream.Length, cancellation) is > 0 and var count)
        {
            if (stream.Length + count > file.Size) throw Wrong($"the server announced {file.Size} bytes and sends more");
            await stream.WriteAsync(buffer.AsMemory(0, count), cancellation);
            report(stream.Length);
        }
        if (stream.Length < file.Size) throw BrokeOff(host, stream.Length, null);
    }

    private async Task<int> Read(Stream body, byte[] buffer, Uri host, long here, CancellationToken cancellation)
    {
        try
        {
            return await connection.Read(body, buffer, host, cancellation);
        }
        catch (HubRequestException e)
        {
            throw BrokeOff(host, here, e);
        }
    }

    private async Task<HttpResponseMessage> SendForRange(HttpRequestMessage request, FileStream stream, CancellationToken cancellation)
    {
        var from = stream.Length;
        try
        {
            return await connection.Send(repository, file.Name, request, response =>
            {
                if (response.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable) stream.SetLength(0);
            }, cancellation);
        }
        catch (HubRequestException) when (request.Headers.Range is not null && stream.Length == 0)
        {
            throw new HubRequestException(HubFailure.Passing, $"{Name}: the server announced {file.Size} bytes and does not go on from byte {from}");
        }
    }

    // 64 hexadecimal digits are the content's SHA-256, 40 are git's SHA-1 of it; anything else says nothing about the content.
    private async Task<string> Digest(FileStream stream, CancellationToken cancellation)
    {
        if (file.Etag.Length is not (40 or 64) || !file.Etag.All(char.IsAsciiHexDigitLower)) return file.Etag;
        using var hash = IncrementalHash.CreateHash(file.Etag.Length == 64 ? HashAlgorithmName.SHA256 : HashAlgorithmName.SHA1);
        if (file.Etag.Length == 40) hash.AppendData(Encoding.ASCII.GetBytes($"blob {file.Size}\0"));
        stream.Seek(0, SeekOrigin.Begin);
        var buffer = new byte[1 << 20];
        while (await stream.ReadAsync(buffer, cancellation) is > 0 and var count) hash.AppendData(buffer.AsSpan(0, count));
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private string Name => $"{repository}: {file.Name}";

    private HubRequestException BrokeOff(Uri host, long here, Exception? inner) => new(
        HubFailure.Passing, $"{Name}: {host.Host} broke off after {here} of {file.Size} bytes{(inner is null ? "" : $" ({inner.Message})")}; what came is kept, and the next attempt goes on from there", inner);

    private HubRequestException Wrong(string message) => new(HubFailure.Definite, $"{Name}: {message}");
}
