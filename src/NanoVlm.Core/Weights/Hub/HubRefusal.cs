
namespace NanoVlm.Weights.Hub;

/// <summary>Says in words what an answer other than success means, and what to do.</summary>
internal static class HubRefusal
{
    /// <summary>The failure that a response stands for.</summary>
    /// <param name="repository">The repository that was asked for.</param>
    /// <param name="file">The file that was asked for, if it was one.</param>
    /// <param name="response">The answer.</param>
    /// <param name="options">Who asked where.</param>
    /// <param name="fromHub">Whether the Hub itself answered, not a host that it redirected to.</param>
    public static HubRequestException Of(HubRepository repository, string? file, HttpResponseMessage response, HubOptions options, bool fromHub)
    {
        var status = (int)response.StatusCode;
        var address = response.RequestMessage!.RequestUri!;
        var page = $"{options.Endpoint}{repository.Page}";
        var tokens = $"{options.Endpoint}settings/tokens";
        var known = options.Token is not null;
        var said = Header(response, "X-Error-Message");
        var answer = $"{address.Host} answers {status}{(response.ReasonPhrase is { Length: > 0 } reason ? $" {reason}" : "")} for {repository}{(file is null ? "" : $": {file}")}{(said is null ? "" : $" ({said})")}";

        if (status is 408 or 429 or >= 500)
        {
            var advice = status != 429 ? "" : known ? "; it asks for fewer requests: try again in some minutes"
                : $"; it asks for fewer requests: try again in some minutes, or set HF_TOKEN to a token from {tokens}, which allows more";
            return new(HubFailure.Passing, answer + advice) { RetryAfter = response.Headers.RetryAfter?.Delta };
        }
        // A signed address that has run out, perhaps; the Hub signs a new one at the next attempt.
        if (!fromHub) return new(HubFailure.Passing, answer);

        return (Header(response, "X-Error-Code"), status) switch
        {
            ("EntryNotFound", _) => new(HubFailure.Definite, $"{repository} has no file '{file}'; its files are listed at {page}/tree/{repository.Revision}"),
            ("RevisionNotFound", _) => new(HubFailure.Definite, $"{repository.Id} has no revision '{repository.Revision}'; its branches and tags are listed at {page}/tree/main"),
            ("GatedRepo", _) when known => new(HubFailure.Refused,
                $"{repository} is gated, and the account of the token from {options.TokenOrigin} has no access to it{(said is null ? "" : $" ({said})")}: ask for access at {page}, and let the token read gated repositories ({tokens})"),
            ("GatedRepo", _) => new(HubFailure.Refused,
                $"{repository} is gated: ask for access at {page}, then set HF_TOKEN to a token of your account from {tokens}"),
            ("RepoNotFound", not 401) or (null, 404) => new(HubFailure.Refused,
                $"there is no {repository.Noun} {repository.Id} at {options.Endpoint.Host}, or it is private and {(known ? $"the token from {options.TokenOrigin} may not read it" : $"needs HF_TOKEN, a token from {tokens}")}; check the name: {page}"),
            (_, 401) when known => new(HubFailure.Refused,
                $"{answer}: the token from {options.TokenOrigin} is not accepted; set HF_TOKEN to a valid one from {tokens}, of an account that may see {page}"),
            (_, 401) => new(HubFailure.Refused,
                $"there is no {repository.Noun} {repository.Id} at {options.Endpoint.Host} for readers without a token; check the name, and if it is private or gated ask for access at {page} and set HF_TOKEN to a token from {tokens}"),
            (_, 403) when known => new(HubFailure.Refused, $"{answer}; the token from {options.TokenOrigin} must be allowed to read it ({tokens}), and its account to see {page}"),
            (_, 403) => new(HubFailure.Refused, $"{answer}; ask for access at {page}, then set HF_TOKEN to a token from {tokens}"),
            _ => new(HubFailure.Refused, answer),
        };
    }

    /// <summary>A header's value, or null.</summary>
    public static string? Header(HttpResponseMessage response, string name) =>
        response.Headers.TryGetValues(name, out var values) ? Printable(values.First()) : null;

    /// <summary>A server's text without what a terminal would obey.</summary>
    public static string Printable(string text) => string.Concat(text.Select(c => char.IsControl(c) ? $"\\u{(int)c:x4}" : c.ToString()));
}
