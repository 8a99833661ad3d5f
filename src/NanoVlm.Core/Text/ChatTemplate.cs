using System.Text.Json;
using NanoVlm.Text.Templates;

namespace NanoVlm.Text;

/// <summary>
/// Turns messages into the text that a model was trained on, by a Jinja template as transformers does, and knows which part of the text is
/// whose.
/// <para>
/// The rule of spans. Every character remembers the message that it was copied from, through filters, methods and operators; and what a loop
/// over the messages writes for one of them is that message's turn. An assistant's span begins where the generation prompt ends in its turn
/// (what the model is given when it has to answer); or with its turn, where the template writes nothing but the answer in it; or, where the turn
/// does not begin with that prompt, where its content begins, with the spaces before it. It ends with what the
/// template writes after a last answer, the end-of-turn marker; where its turn goes on, as with the next header, that is nobody's. Anybody else's span begins with the content. Where a
/// template has <c>{% generation %}</c> blocks, these alone are the assistant's.
/// </para>
/// <para>
/// Where an assistant's message cannot be told apart in that way (it is written twice, mixed with another, or not in a loop and not
/// followed by what ends a turn), <see cref="Encode(Tokenizer, IReadOnlyList{ChatMessage}, bool)"/> refuses the template; it guesses nothing.
/// </para>
/// Immutable but for what it has found out about its template; safe from any thread.
/// </summary>
public sealed class ChatTemplate
{
    /// <summary>nanoVLM's template (<c>lm_chat_template</c> of its configuration).</summary>
    public const string NanoVlm =
        "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
        + "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

    /// <summary>Gemma's turns, as its own template writes them for messages of text: the assistant is the model there.</summary>
    public const string Gemma =
        "{{ bos_token }}{% for message in messages %}{{'<start_of_turn>' + ('model' if message['role'] == 'assistant' else message['role']) + '\n' + message['content'] + '<end_of_turn>' + '\n'}}{% endfor %}"
        + "{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}";

    private static readonly ChatMessage[] _probe = [new("user", "ping"), new("assistant", "pong"), new("user", "ping again"), new("assistant", "pong again")];

    private readonly string _source;
    private readonly Template _template;
    private readonly Tokenizer? _tokenizer;
    private Habits? _habits;

    private ChatTemplate(string source, Tokenizer? tokenizer) => (_source, _template, _tokenizer) = (source, Template.Parse(source), tokenizer);

    /// <summary>What the template does in conversations of one answer and of two.</summary>
    /// <param name="Of">The tokenizer whose tokens it was given.</param>
    /// <param name="Rule">Finds spans.</param>
    /// <param name="AsParts">Whether it takes a content only as a list of parts.</param>
    /// <param name="Works">Whether the answers were found.</param>
    private sealed record Habits(Tokenizer? Of, SpanRule Rule, bool AsParts, bool Works);

    /// <summary>The token that ends a turn, and with it an answer; empty where the template writes nothing after an answer.</summary>
    public string EndOfTurn
    {
        get
        {
            string end = HabitsFor(_tokenizer).Rule.EndOfTurn ?? "";
            var tokens = (_tokenizer?.SpecialTokens ?? []).Where(token => token.Length > 0 && end.Contains(token, StringComparison.Ordinal));
            return tokens.OrderBy(token => end.IndexOf(token, StringComparison.Ordinal)).ThenByDescending(token => token.Length).FirstOrDefault() ?? end.Trim();
        }
    }

    /// <summary>The template for a language model: nanoVLM's where its tokenizer has ChatML's tokens, else the tokenizer's own if answers can be
    /// told apart in it, else Gemma's where it has Gemma's turns, else nanoVLM's.</summary>
    /// <param name="tokenizer">The language model's tokenizer.</param>
    public static string For(Tokenizer tokenizer)
    {
        if (tokenizer.TokenToId("<|im_start|>") is null && tokenizer.ChatTemplate is { } own && Serves(own, tokenizer))
            return own;
        return tokenizer.TokenToId("<start_of_turn>") is null ? NanoVlm : Gemma;
    }

    /// <summary>Reads a template.</summary>
    /// <param name="source">Its Jinja source.</param>
    /// <param name="tokenizer">The tokenizer whose tokens are its variables <c>bos_token</c>, <c>eos_token</c> and so on.</param>
    /// <exception cref="NanoVlmException">It is not a template, or uses what is not supported; names the line.</exception>
    public static ChatTemplate Parse(string source, Tokenizer? tokenizer = null) => new(source, tokenizer);

    /// <summary>Renders a conversation.</summary>
    /// <param name="messages">The messages in order.</param>
    /// <param name="addGenerationPrompt">Whether the text ends with the beginning of an assistant's turn.</param>
    /// <exception cref="NanoVlmException">There are no messages, or the template raises an exception; names its line.</exception>
    public RenderedChat Render(IReadOnlyList<ChatMessage> messages, bool addGenerationPrompt = false) => Render(_tokenizer, messages, addGenerationPrompt);

    /// <summary>Renders a conversation of any members, as JSON.</summary>
    /// <param name="messages">A list of messages: objects with <c>role</c> and whatever else the template reads (<c>content</c> as text or as a
    /// list of parts, <c>tool_calls</c>).</param>
    /// <param name="addGenerationPrompt">Whether the text ends with the beginning of an assistant's turn.</param>
    /// <param name="variables">Further variables, such as <c>tools</c>, <c>documents</c> and <c>date_string</c>: an object.</param>
    /// <exception cref="NanoVlmException">There are no messages, or the template raises an exception; names its line.</exception>
    public RenderedChat Render(JsonElement messages, bool addGenerationPrompt = false, JsonElement? variables = null) =>
        Render(_tokenizer, messages, addGenerationPrompt, variables);

    /// <summary>
    /// Renders and encodes a conversation. The mask comes from the spans and the offsets of one encoding of the whole text; a
    /// token that begins before the assistant's span is not the assistant's, even where it reaches into it.
    /// </summary>
    /// <param name="tokenizer">The tokenizer.</param>
    /// <param name="messages">The messages in order.</param>
    /// <param name="addGenerationPrompt">Whether the text ends with the beginning of an assistant's turn.</param>
    /// <exception cref="NanoVlmException">There are no messages, the template raises an exception, or an assistant's message cannot be told apart.</exception>
    public EncodedChat Encode(Tokenizer tokenizer, IReadOnlyList<ChatMessage> messages, bool addGenerationPrompt = false) =>
        Encode(tokenizer, Render(tokenizer, messages, addGenerationPrompt), [.. messages.Select(m => m.Role)]);

    /// <summary>Renders and encodes a conversation of any members, as JSON; see the other two.</summary>
    /// <param name="tokenizer">The tokenizer.</param>
    /// <param name="messages">A list of messages.</param>
    /// <param name="addGenerationPrompt">Whether the text ends with the beginning of an assistant's turn.</param>
    /// <param name="variables">Further variables: an object.</param>
    /// <exception cref="NanoVlmException">There are no messages, the template raises an exception, or an assistant's message cannot be told apart.</exception>
    public EncodedChat Encode(Tokenizer tokenizer, JsonElement messages, bool addGenerationPrompt = false, JsonElement? variables = null) =>
        Encode(tokenizer, Render(tokenizer, messages, addGenerationPrompt, variables), Roles(messages));

    private static bool Serves(string source, Tokenizer tokenizer)
    {
        try
        {
            return Parse(source, tokenizer).HabitsFor(tokenizer).Works;
        }
        catch (NanoVlmException)
        {
            return false;
        }
    }

    private RenderedChat Render(Tokenizer? tokenizer, IReadOnlyList<ChatMessage> messages, bool addGenerationPrompt)
    {
        var habits = HabitsFor(tokenizer);
        var values = Values(messages, habits.AsParts);
        return Spans(habits, Text(tokenizer, values, addGenerationPrompt, Length(messages), []), values);
    }

    private RenderedChat Render(Tokenizer? tokenizer, JsonElement messages, bool addGenerationPrompt, JsonElement? variables)
    {
        if (variables is { ValueKind: not JsonValueKind.Object } other)
            throw new NanoVlmException($"The variables of a chat template must be a JSON object, not {other.ValueKind}.");
        _ = Roles(messages);
        var more = variables?.EnumerateObject().Select(v => KeyValuePair.Create(v.Name, JsonValues.Read(v.Value))).ToArray() ?? [];
        var values = messages.EnumerateArray().Select(JsonValues.Message).ToArray();
        long length = messages.GetRawText().Length + (variables?.GetRawText().Length ?? 0);
        var text = Text(tokenizer, values, addGenerationPrompt, length, more);
        return Spans(more.Length == 0 ? HabitsFor(tokenizer) : Observe(tokenizer, more), text, values);
    }

    private static string[] Roles(JsonElement messages)
    {
        if (messages.ValueKind != JsonValueKind.Array || messages.EnumerateArray().Any(m => m.ValueKind != JsonValueKind.Object))
            throw new NanoVlmException("A conversation must be a list of messages, each an object with \"role\" and \"content\".");
        return [.. messages.EnumerateArray().Select(m => m.TryGetProperty("role", out var role) && role.ValueKind == JsonValueKind.String ? role.GetString()! : "")];
    }

    private RenderedChat Spans(Habits habits, Str text, Value[] messages) =>
        new(text.Text, habits.Rule.Find(text, Array.ConvertAll(messages, JsonValues.Speaker), _template.HasGeneration));

    private static Value[] Values(IReadOnlyList<ChatMessage> messages, bool asParts) => [.. messages.Select((m, i) => JsonValues.Message(m, i, asParts))];

    private static long Length(IReadOnlyList<ChatMessage> messages) => messages.Sum(m => (long)m.Content.Length + (m.Parts?.Sum(p => p.Text?.Length ?? 0) ?? 0));

    private Str Text(Tokenizer? tokenizer, Value[] messages, bool addGenerationPrompt, long length, ReadOnlySpan<KeyValuePair<string, Value>> more)
    {
        if (messages.Length == 0)
            throw new NanoVlmException("The conversation has no messages; a chat template needs one at least.");
        var variables = new Dictionary<string, Value>
        {
            ["messages"] = new Sequence(messages),
            ["add_generation_prompt"] = Bool.Of(addGenerationPrompt),
            ["tools"] = None.Instance,
            ["documents"] = None.Instance,
        };
        foreach (var (name, token) in tokenizer?.NamedTokens ?? [])
            variables[name] = new Str(token);
        foreach (var (name, value) in more)
            variables[name] = value;
        return _template.Render(variables, inputLength: length);
    }

    private Habits HabitsFor(Tokenizer? tokenizer)
    {
        if (_habits is not { } habits || habits.Of != tokenizer)
            _habits = habits = Observe(tokenizer, []);
        return habits;
    }

    // What it writes around an answer is seen in the shortest conversation that has one, whether it can be told from what comes next in a longer one.
    private Habits Observe(Tokenizer? tokenizer, KeyValuePair<string, Value>[] more)
    {
        foreach (bool asParts in new[] { false, true })
        {
            try
            {
                var probe = Values(_probe, asParts);
                string question = Write(1, false).Text, prompted = Write(1, true).Text;
                var answered = Write(2, false);
                if (Array.FindLast(answered.Marks, m => m is { Kind: MarkKind.Content, Message: 1 } && m.End > m.Start) is not { End: > 0 } content)
                    continue;
                string prompt = prompted[question.AsSpan().CommonPrefixLength(prompted)..];
                var turn = answered.Marks.Where(m => m is { Kind: MarkKind.Turn, Message: 1 } && m.Start <= content.Start && m.End >= content.End).DefaultIfEmpty().MaxBy(m => m.End - m.Start);
                bool whole = prompt.Length == 0 && turn.End > 0 && string.IsNullOrWhiteSpace(answered.Text[turn.Start..content.Start]);
                int end = turn.End == 0 ? answered.Text.Length
                    : prompt.Length > 0 && answered.Text.EndsWith(prompt, StringComparison.Ordinal) ? Math.Min(turn.End, answered.Text.Length - prompt.Length) : turn.End;
                var longer = TryWrite(4);
                bool headed = longer is null || !Array.Exists(longer.Marks, turn => turn is { Kind: MarkKind.Turn, Message: 2 }
                    && Array.Exists(longer.Marks, m => m is { Kind: MarkKind.Content, Message: 2 } && m.End > m.Start && m.Start >= turn.Start && string.IsNullOrWhiteSpace(longer.Text[turn.Start..m.Start])));
                var rule = new SpanRule(prompt, EndOf(answered.Text[content.End..end], tokenizer, headed), whole);
                return new Habits(tokenizer, rule, asParts, Shows(rule, answered, 2) && longer is not null && Shows(rule, longer, 4));

                bool Shows(SpanRule rule, Str text, int count) =>
                    rule.Find(text, Array.ConvertAll(probe[..count], JsonValues.Speaker), _template.HasGeneration).Count(s => s.Role == "assistant") >= count / 2;

                Str? TryWrite(int count)
                {
                    try
                    {
                        return Write(count, false);
                    }
                    catch (NanoVlmException)
                    {
                        return null; // one answer at most
                    }
                }

                Str Write(int count, bool addPrompt) => Text(tokenizer, probe[..count], addPrompt, 0, more);
            }
            catch (NanoVlmException)
            {
                // It does not take such messages; others it may.
            }
        }
        return new Habits(tokenizer, new SpanRule("", null, false), false, false);
    }

    // The text that ends an answer, found in what the template writes after the last one; null where it cannot be told. A model stops at the end-of-text token. What follows another
    // special token must be special too, or be white space: words there belong to the next turn. So may words without any such token, where
    // the next turn has no header of its own.
    private static string? EndOf(string tail, Tokenizer? tokenizer, bool headed)
    {
        if (tokenizer?.EosTokenId is { } id && tokenizer.IdToToken(id) is { Length: > 0 } eos && tail.IndexOf(eos, StringComparison.Ordinal) is >= 0 and var at)
            return tail[..(tail.Length - tail.AsSpan(at + eos.Length).TrimStart().Length)];
        string rest = tail;
        foreach (string token in (tokenizer?.SpecialTokens ?? []).Where(t => t.Length > 0).OrderByDescending(t => t.Length))
            rest = rest.Replace(token, "\0", StringComparison.Ordinal);
        int first = rest.IndexOf('\0');
        bool certain = first < 0 ? headed || string.IsNullOrWhiteSpace(tail) : rest.AsSpan(first).Trim("\0 \t\r\n").IsEmpty;
        return certain ? tail : null;
    }

    private EncodedChat Encode(Tokenizer tokenizer, RenderedChat chat, string[] roles)
    {
        var (text, spans) = chat;
        for (int i = 0; i < roles.Length && !_template.HasGeneration; i++)
        {
            if (roles[i] == "assistant" && !spans.Any(s => s.Message == i))
            {
                string excerpt = _source.Length <= 80 ? _source : $"{_source[..80]}...";
                throw new NanoVlmException($"This chat template does not show which text is the assistant's: message {i + 1} of {roles.Length} is left out, written twice, mixed with another "
                    + $"or without an end that can be told from what comes after it. Mark what the assistant says with {{% generation %}} ... {{% endgeneration %}} in it: {excerpt}");
            }
        }
        var encoding = tokenizer.Encode(text, addSpecialTokens: false);
        var mask = new bool[encoding.Length];
        int token = 0, at = 0, codePoints = 0;
        foreach (var span in spans.Where(s => s.Role == "assistant"))
        {
            int start = Advance(span.Start), end = Advance(span.End);
            while (token < mask.Length && encoding.Offsets[token].Start < start)
                token++;
            while (token < mask.Length && encoding.Offsets[token].Start < end)
                mask[token++] = true;
        }
        return new EncodedChat(encoding.Ids, mask);

        // Spans are in UTF-16, offsets in code points; both only go up.
        int Advance(int index)
        {
            for (; at < index; at++)
                codePoints += char.IsLowSurrogate(text[at]) && at > 0 && char.IsHighSurrogate(text[at - 1]) ? 0 : 1;
            return codePoints;
        }
    }
}
