namespace NanoVlm.Text.Templates;

/// <summary>
/// Where each message lies in a rendered text, from the marks of its characters (docs/templates.md tells the rule for people).
/// </summary>
/// <param name="Prompt">What the template writes before an answer when asked for a generation prompt.</param>
/// <param name="EndOfTurn">What it writes after an answer; used only where it does not loop over the messages.</param>
internal sealed record SpanRule(string Prompt, string EndOfTurn)
{
    /// <summary>The spans, in the order of the text. A message that cannot be told apart has none.</summary>
    /// <param name="rendered">The text.</param>
    /// <param name="roles">The role of each message.</param>
    /// <param name="generation">Whether the template says itself, in generation blocks, what is the assistant's.</param>
    public List<ChatSpan> Find(Str rendered, IReadOnlyList<string> roles, bool generation)
    {
        // A generation prompt at the end of the text is nobody's, even where the loop's last turn wrote it.
        int end = Prompt.Length > 0 && rendered.Text.EndsWith(Prompt, StringComparison.Ordinal) ? rendered.Text.Length - Prompt.Length : rendered.Text.Length;
        var spans = new List<ChatSpan>();
        for (int i = 0; i < roles.Count; i++)
        {
            if (!(generation && roles[i] == "assistant") && Find(rendered, i, roles[i], end) is { } span)
                spans.Add(span);
        }
        if (generation)
        {
            foreach (var mark in rendered.Marks.Where(m => m.Kind == MarkKind.Generation))
            {
                var around = rendered.Marks.Where(m => m.Kind == MarkKind.Turn && m.Start <= mark.Start && m.End >= mark.End || m.Kind == MarkKind.Content && m.Start >= mark.Start && m.End <= mark.End);
                spans.Add(new ChatSpan(around.Select(m => m.Message).DefaultIfEmpty(-1).First(), "assistant", mark.Start, mark.End));
            }
        }
        return [.. spans.OrderBy(s => s.Start).ThenBy(s => s.Message)];
    }

    private ChatSpan? Find(Str rendered, int message, string role, int textEnd)
    {
        string text = rendered.Text;
        var contents = rendered.Marks.Where(m => m.Kind == MarkKind.Content && m.Message == message && m.End <= textEnd).ToList();
        if (contents.Exists(m => m.End > m.Start))
            contents.RemoveAll(m => m.End == m.Start);
        var turns = Outermost(rendered.Marks.Where(m => m.Kind == MarkKind.Turn && m.Message == message));
        var own = turns.Where(t => contents.Exists(c => c.Start >= t.Start && c.End <= t.End)).ToList();
        if (own.Count == 0 && contents.Count == 0)
            own = turns.Where(t => PromptIn(text, t.Start, Math.Min(t.End, textEnd)) is not null).ToList(); // an empty answer, left out
        if (own.Count > 1)
            return null; // written twice: which one is to be learned cannot be told

        int start, end;
        if (own.Count == 1)
        {
            var turn = own[0] with { End = Math.Min(own[0].End, textEnd) };
            contents.RemoveAll(c => c.Start < turn.Start || c.End > turn.End);
            int first = contents.Count > 0 ? contents.Min(c => c.Start) : turn.End;
            start = role != "assistant" ? first : PromptIn(text, turn.Start, first) ?? (contents.Count > 0 ? BackOverSpaces(text, turn.Start, first) : -1);
            end = turn.End;
        }
        else if (contents.Count > 0)
        {
            start = contents.Min(c => c.Start);
            end = contents.Max(c => c.End);
            if (EndOfTurn.Length > 0 && text.AsSpan(end, textEnd - end).StartsWith(EndOfTurn))
                end += EndOfTurn.Length;
            else if (role == "assistant")
                return null;
            if (role == "assistant")
                start = BackOverSpaces(text, 0, start);
        }
        else
        {
            return null;
        }
        bool foreign = rendered.Marks.Any(m => m.Kind == MarkKind.Content && m.Message != message && m.End > m.Start && m.End > start && m.Start < end);
        return start < 0 || foreign ? null : new ChatSpan(message, role, start, end);
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
