namespace NanoVlm.Text.Templates;

/// <summary>Who speaks in a message, and whether anything is said.</summary>
internal readonly record struct Speaker(string Role, bool Says);

/// <summary>
/// Where each message lies in a rendered text, from the marks of its characters (docs/templates.md tells the rule for people).
/// </summary>
/// <param name="Prompt">What the template writes before an answer when asked for a generation prompt.</param>
/// <param name="EndOfTurn">What it writes after the last answer of a conversation; null where it cannot be told which of that is the assistant's.</param>
/// <param name="WholeTurn">Whether it writes nothing but an answer in an assistant's turn: the question's turn ends with what asks for it.</param>
internal sealed record SpanRule(string Prompt, string? EndOfTurn, bool WholeTurn)
{
    /// <summary>The spans, in the order of the text. A message that cannot be told apart has none.</summary>
    /// <param name="rendered">The text.</param>
    /// <param name="speakers">The role of each message, and whether it says anything.</param>
    /// <param name="generation">Whether the template says itself, in generation blocks, what is the assistant's.</param>
    public List<ChatSpan> Find(Str rendered, IReadOnlyList<Speaker> speakers, bool generation)
    {
        // A generation prompt at the end of the text is nobody's, even where the loop's last turn wrote it.
        int end = Prompt.Length > 0 && rendered.Text.EndsWith(Prompt, StringComparison.Ordinal) ? rendered.Text.Length - Prompt.Length : rendered.Text.Length;
        // Contents are marked as they are written: in order, and none over another.
        var contents = Array.FindAll(rendered.Marks, m => m.Kind == MarkKind.Content && m.End <= end);
        var ofMessage = contents.ToLookup(m => m.Message);
        var turns = Array.FindAll(rendered.Marks, m => m.Kind == MarkKind.Turn).ToLookup(m => m.Message);
        var spans = new List<ChatSpan>();
        for (int i = 0; i < speakers.Count; i++)
        {
            if (generation && speakers[i].Role == "assistant")
                continue;
            if (Find(rendered.Text, end, speakers[i], [.. ofMessage[i]], Outermost(turns[i])) is { } span && !HoldsAnother(contents, i, span))
                spans.Add(new ChatSpan(i, speakers[i].Role, span.Start, span.End));
        }
        if (generation)
        {
            foreach (var mark in rendered.Marks.Where(m => m.Kind == MarkKind.Generation))
            {
                var around = rendered.Marks.Where(m => m.Kind == MarkKind.Turn && m.Start <= mark.Start && m.End >= mark.End || m.Kind == MarkKind.Content && m.Start >= mark.Start && m.End <= mark.End);
                spans.Add(new ChatSpan(around.Select(m => m.Message).DefaultIfEmpty(-1).First(), "assistant", mark.Start, mark.End));
            }
        }
        spans.Sort((a, b) => (a.Start, a.Message).CompareTo((b.Start, b.Message)));
        return spans;
    }

    private (int Start, int End)? Find(string text, int textEnd, Speaker speaker, List<Mark> contents, List<Mark> turns)
    {
        if (contents.Exists(m => m.End > m.Start))
            contents.RemoveAll(m => m.End == m.Start);
        var own = turns.FindAll(t => contents.Exists(c => c.Start >= t.Start && c.End <= t.End));
        if (own.Count == 0 && contents.Count == 0 && !speaker.Says)
            own = turns.FindAll(t => WholeTurn || PromptIn(text, t.Start, Math.Min(t.End, textEnd)) is not null); // an empty answer, left out
        if (own.Count > 1)
            return null; // written twice: which one is to be learned cannot be told

        bool assistant = speaker.Role == "assistant";
        if (own.Count == 1)
        {
            int begin = own[0].Start, end = Math.Min(own[0].End, textEnd);
            contents.RemoveAll(c => c.Start < begin || c.End > end);
            int first = contents.Count > 0 ? contents[0].Start : end;
            if (!assistant)
                return (first, end);
            first = WholeTurn ? begin : PromptIn(text, begin, first) ?? BackOverSpaces(text, begin, first);
            int said = contents.Count > 0 ? contents.Max(c => c.End) : first;
            return TailEnd(text.AsSpan(said, end - said)) is { } tail ? (first, said + tail) : null;
        }
        if (contents.Count == 0)
            return null;
        int start = contents[0].Start, after = contents[^1].End;
        if (EndOfTurn is { Length: > 0 } && text.AsSpan(after, textEnd - after).StartsWith(EndOfTurn))
            after += EndOfTurn.Length;
        else if (assistant)
            return null;
        return (assistant ? BackOverSpaces(text, 0, start) : start, after);
    }

    // How much of what follows an answer in its turn is its end. Before other messages a template may go on: with the header of the next, or
    // with a line of its own. Nobody says that.
    private int? TailEnd(ReadOnlySpan<char> tail)
    {
        if (EndOfTurn is null)
            return null;
        var mark = EndOfTurn.AsSpan().TrimEnd();
        if (mark.IsEmpty)
            return tail.IsWhiteSpace() ? tail.Length : null;
        int at = tail.IndexOf(mark);
        var rest = at < 0 ? default : tail[(at + mark.Length)..];
        if (at < 0 || rest.IsWhiteSpace())
            return at < 0 ? null : tail.Length;
        // What stands before the mark, such as the end of a call, may hold something that only looks like it.
        return at > 0 ? null : mark.Length + rest.CommonPrefixLength(EndOfTurn.AsSpan(mark.Length));
    }

    private static bool HoldsAnother(Mark[] contents, int message, (int Start, int End) span)
    {
        int low = 0, high = contents.Length;
        while (low < high)
        {
            int middle = (low + high) / 2;
            (low, high) = contents[middle].End <= span.Start ? (middle + 1, high) : (low, middle);
        }
        for (; low < contents.Length && contents[low].Start < span.End; low++)
        {
            if (contents[low].Message != message && contents[low].End > contents[low].Start)
                return true;
        }
        return false;
    }

    // Where the generation prompt ends in the part of a turn before its content.
    private int? PromptIn(string text, int start, int end) =>
        Prompt.Length > 0 && text.AsSpan(start, end - start).IndexOf(Prompt) is >= 0 and var at ? start + at + Prompt.Length : null;

    // Tokens take the space before a word along.
    private static int BackOverSpaces(string text, int least, int start)
    {
        while (start > least && text[start - 1] == ' ')
            start--;
        return start;
    }

    private static List<Mark> Outermost(IEnumerable<Mark> turns)
    {
        var kept = new List<Mark>();
        foreach (var turn in turns.OrderBy(t => t.Start).ThenByDescending(t => t.End))
        {
            if (kept.Count == 0 || turn.Start >= kept[^1].End)
                kept.Add(turn);
        }
        return kept;
    }
}
