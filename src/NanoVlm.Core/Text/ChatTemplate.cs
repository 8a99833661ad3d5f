using System.Text;
using System.Text.RegularExpressions;

namespace NanoVlm.Text;

/// <summary>
/// Turns messages into the text that a model was trained on, and knows which part of it is whose. So far this is ChatML,
/// with or without a default system message, the template of nanoVLM and of SmolLM2; and Gemma's turns.
/// </summary>
public sealed partial class ChatTemplate
{
    /// <summary>nanoVLM's template (<c>lm_chat_template</c> of its configuration).</summary>
    public const string NanoVlm =
        "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
        + "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

    /// <summary>Gemma's turns, as its own template writes them for messages of text: the assistant is the model there.</summary>
    public const string Gemma =
        "{{ bos_token }}{% for message in messages %}{{'<start_of_turn>' + ('model' if message['role'] == 'assistant' else message['role']) + '\n' + message['content'] + '<end_of_turn>' + '\n'}}{% endfor %}"
        + "{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}";

    private readonly string _before;        // all turns
    private readonly string _startOfTurn;
    private readonly string _assistant;     // the assistant's role as it is written
    private readonly string? _defaultSystem;

    private ChatTemplate(string before, string startOfTurn, string endOfTurn, string assistant, string? defaultSystem = null) =>
        (_before, _startOfTurn, EndOfTurn, _assistant, _defaultSystem) = (before, startOfTurn, endOfTurn, assistant, defaultSystem);

    /// <summary>The token that ends a turn, and with it an answer.</summary>
    public string EndOfTurn { get; }

    /// <summary>The template for a language model: Gemma's where its tokenizer has Gemma's turns, else nanoVLM's.</summary>
    /// <param name="tokenizer">The language model's tokenizer.</param>
    public static string For(Tokenizer tokenizer) => tokenizer.TokenToId("<start_of_turn>") is null ? NanoVlm : Gemma;

    /// <summary>Reads a template.</summary>
    /// <param name="source">Its Jinja source.</param>
    /// <exception cref="NanoVlmException">The template is neither.</exception>
    public static ChatTemplate Parse(string source)
    {
        if (source == Gemma) return new ChatTemplate("<bos>", "<start_of_turn>", "<end_of_turn>", "model");
        var match = ChatMl().Match(Canonical(source));
        if (!match.Success)
        {
            string excerpt = source.Length <= 80 ? source : $"{source[..80]}...";
            throw new NanoVlmException($"This chat template is not supported; so far only ChatML (\"<|im_start|>role ... <|im_end|>\") and NanoVlm's of Gemma are: {excerpt}");
        }
        return new ChatTemplate("", "<|im_start|>", "<|im_end|>", "assistant", match.Groups["system"] is { Success: true } system ? system.Value : null);
    }

    /// <summary>Renders a conversation.</summary>
    /// <param name="messages">The messages in order.</param>
    /// <param name="addGenerationPrompt">Whether the text ends with the beginning of an assistant's turn.</param>
    public RenderedChat Render(IReadOnlyList<ChatMessage> messages, bool addGenerationPrompt = false)
    {
        var text = new StringBuilder(_before);
        var spans = new List<ChatSpan>(messages.Count);
        if (_defaultSystem is not null && messages.Count > 0 && messages[0].Role != "system")
            text.Append($"{_startOfTurn}system\n{_defaultSystem}{EndOfTurn}\n");
        foreach (var (role, content) in messages)
        {
            text.Append($"{_startOfTurn}{(role == "assistant" ? _assistant : role)}\n");
            int start = text.Length;
            // The line feed belongs to the turn: nanoVLM trains on it, and its labels are part of what we reproduce.
            text.Append($"{content}{EndOfTurn}\n");
            spans.Add(new ChatSpan(spans.Count, role, start, text.Length));
        }
        if (addGenerationPrompt)
            text.Append($"{_startOfTurn}{_assistant}\n");
        return new RenderedChat(text.ToString(), spans);
    }

    /// <summary>
    /// Renders and encodes a conversation. The mask comes from the spans and the offsets of one encoding of the whole text; a
    /// token that begins before the assistant's content is not the assistant's, even where it reaches into it.
    /// </summary>
    /// <param name="tokenizer">The tokenizer.</param>
    /// <param name="messages">The messages in order.</param>
    /// <param name="addGenerationPrompt">Whether the text ends with the beginning of an assistant's turn.</param>
    public EncodedChat Encode(Tokenizer tokenizer, IReadOnlyList<ChatMessage> messages, bool addGenerationPrompt = false)
    {
        var (text, spans) = Render(messages, addGenerationPrompt);
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

    // Published copies differ in spaces inside the tags, in quotes, and in whether a line feed is written as \n.
    private static string Canonical(string source) => InnerSpace().Replace(source.Trim(), "").Replace("\\n", "\n").Replace('"', '\'');

    [GeneratedRegex(@"(?<=\{[%{])\s+|\s+(?=[%}]\})|(?<=['""\]])\s+(?=\+)|(?<=\+)\s+(?=['""m])")]
    private static partial Regex InnerSpace();

    [GeneratedRegex("""
        ^\{%for\ message\ in\ messages%\}
        (\{%if\ loop\.first\ and\ messages\[0\]\['role'\]\ !=\ 'system'%\}\{\{'<\|im_start\|>system\n(?<system>[^'{}]*)<\|im_end\|>\n'\}\}\{%endif%\})?
        \{\{'<\|im_start\|>'\+message\['role'\]\+'\n'\+message\['content'\]\+'<\|im_end\|>'\+'\n'\}\}\{%endfor%\}
        \{%if\ add_generation_prompt%\}\{\{'<\|im_start\|>assistant\n'\}\}\{%endif%\}$
        """, RegexOptions.IgnorePatternWhitespace | RegexOptions.ExplicitCapture)]
    private static partial Regex ChatMl();
}
