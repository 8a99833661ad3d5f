using System.Net;
using System.Net.Http.Headers;
using System.Security.Authentication;

namespace NanoVlm.Weights.Hub;

/// <summary>Requests to the Hub and to the hosts it redirects to. Only the Hub itself ever sees the token.</summary>
internal sealed class HubConnection(HubOptions options) : IDisposable
{
    private const int Attempts = 4, MostRedirects = 8;

    private static readonly TimeSpan longestWait = TimeSpan.FromMinutes(1);

    private readonly HttpClient http = new(new SocketsHttpHandler { AllowAutoRedirect = false, ConnectTimeout = options.Timeout })
    {
        Timeout = System.Threading.Timeout.InfiniteTimeSpan, // a long file is no fault; silence is
        DefaultRequestHeaders =
        {
            { "User-Agent", $"nanovlm/{typeof(HubConnection).Assembly.GetName().Version?.ToString(3)}" },
            { "Accept-Encoding", "identity" }, // sizes and ranges are those of the file
        },
    };

    public HubOptions Options => options;

    /// <summary>One request, with the redirects it leads to. HEAD stays with the Hub, and may end in a redirect to another host.</summary>
    /// <param name="repository">The repository, for messages.</param>
    /// <param name="file">The file that is asked for, if it is one, for messages.</param>
    /// <param name="request">The method, the address and headers for every host.</param>
    /// <param name="seen">Called with every response.</param>
    /// <param name="cancellation">Ends the request.</param>
    /// <exception cref="HubRequestException">No success.</exception>
    public async Task<HttpResponseMessage> Send(
        HubRepository repository, string? file, HttpRequestMessage request, Action<HttpResponseMessage>? seen, CancellationToken cancellation)
    {
        for (var redirects = 0; ; redirects++)
        {
            var response = await SendOnce(request, cancellation);
            seen?.Invoke(response);
            var location = RedirectOf(response);
            if (response.IsSuccessStatusCode || (location is not null && !IsHub(location) && request.Method == HttpMethod.Head)) return response;
            using var failed = response;
            if (location is null) throw HubRefusal.Of(repository, file, response, options, IsHub(request.RequestUri!));
            if (redirects == MostRedirects) throw new HubRequestException(HubFailure.Refused, $"{request.RequestUri!.Host} redirects without end");
            var next = new HttpRequestMessage(request.Method, location);
            foreach (var (name, values) in request.Headers) next.Headers.TryAddWithoutValidation(name, values);
            request = next;
        }
    }

    /// <summary>Tries a request again while its failures may pass.</summary>
    public async Task<T> Retry<T>(Func<Task<T>> request, CancellationToken cancellation)
    {
        for (var failures = 0; ;)
        {
            try
            {
                return await request();
            }
            catch (HubRequestException e)
            {
                await Wait(e, ++failures, cancellation);
            }
        }
    }

    /// <summary>Waits before the next attempt.</summary>
    /// <exception cref="HubRequestException">The failure, if no attempt is left or another one is no use.</exception>
    public Task Wait(HubRequestException failure, int failures, CancellationToken cancellation)
    {
        if (failure.Failure != HubFailure.Passing || failures >= Attempts) throw failure;
        var wait = failure.RetryAfter ?? options.RetryDelay * (1 << (failures - 1));
        return Task.Delay(wait < longestWait ? wait : longestWait, cancellation);
    }

    /// <summary>The next bytes of a body; none at its end.</summary>
    public Task<int> Read(Stream body, byte[] buffer, Uri address, CancellationToken cancellation) =>
        Listen(address, patience => body.ReadAsync(buffer, patience), cancellation);

    public void Dispose() => http.Dispose();

    private async Task<HttpResponseMessage> SendOnce(HttpRequestMessage request, CancellationToken cancellation)
    {
        request.Headers.Authorization = options.Token is { } token && IsHub(request.RequestUri!) ? new AuthenticationHeaderValue("Bearer", token) : null;
        return await Listen(request.RequestUri!, async patience => await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, patience), cancellation);
    }

    // Runs what a server must answer before its time is up, and says what went wrong with the network.
    private async Task<T> Listen<T>(Uri address, Func<CancellationToken, ValueTask<T>> listen, CancellationToken cancellation)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        patience.CancelAfter(options.Timeout);
        try
        {
            return await listen(patience.Token);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new HubRequestException(HubFailure.Passing, $"{address.Host} is silent for {options.Timeout.TotalSeconds:0.#} s");
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            var cause = e;
            while (cause.InnerException is { } inner) cause = inner;
            var failure = cause is AuthenticationException ? HubFailure.Refused : HubFailure.Passing;
            throw new HubRequestException(failure, $"cannot reach {address.GetLeftPart(UriPartial.Authority)}: {cause.Message}", e);
        }
    }

    // The same host under another port or scheme is another server.
    private bool IsHub(Uri address) => address.GetLeftPart(UriPartial.Authority) == options.Endpoint.GetLeftPart(UriPartial.Authority);

    private Uri? RedirectOf(HttpResponseMessage response)
    {
        if (response.StatusCode is not (HttpStatusCode.Moved or HttpStatusCode.Found or HttpStatusCode.SeeOther
            or HttpStatusCode.TemporaryRedirect or HttpStatusCode.PermanentRedirect) || response.Headers.Location is not { } location) return null;
        var address = new Uri(response.RequestMessage!.RequestUri!, location);
        var downgraded = options.Endpoint.Scheme == Uri.UriSchemeHttps && address.Scheme != Uri.UriSchemeHttps;
        return address.Scheme is "http" or "https" && !downgraded
            ? address
            : throw new HubRequestException(HubFailure.Refused, $"{response.RequestMessage.RequestUri!.Host} redirects to {address.GetLeftPart(UriPartial.Authority)}, which is not https");
    }
}
