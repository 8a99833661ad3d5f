using System.Text;

namespace NanoVlm.Text.Templates;

/// <summary>What a mark says about a stretch of text.</summary>
internal enum MarkKind : byte
{
    /// <summary>It was copied from a message.</summary>
    Content,

    /// <summary>It was written while the template's loop over the messages stood at this one.</summary>
    Turn,

    /// <summary>It was written inside a <c>{% generation %}</c> block.</summary>
    Generation,
}

/// <summary>Where a stretch of text comes from.</summary>
/// <param name="Start">Its first character (UTF-16).</param>
/// <param name="End">After its last; an empty content is a mark without length.</param>
/// <param name="Message">Index of the message, -1 in a generation block.</param>
/// <param name="Kind">What is known.</param>
internal readonly record struct Mark(int Start, int End, int Message, MarkKind Kind);

/// <summary>A string that remembers which of its characters came from which message. Equal to another by its characters alone.</summary>
internal sealed class Str(string text, Mark[]? marks = null) : Value
{
    public static Str Empty { get; } = new("");

    public string Text { get; } = text;

    public Mark[] Marks { get; } = marks ?? [];

    public override string TypeName => "str";

    /// <summary>Whether indices are the same in UTF-16 and in code points.</summary>
    public bool IsBasic => !Text.AsSpan().ContainsAnyInRange('\uD800', '\uDFFF');

    public Str Slice(int start, int end)
    {
        if (start == 0 && end == Text.Length)
            return this;
        if (Marks.Length == 0)
            return start == end ? Empty : new Str(Text[start..end]);
        var marks = new List<Mark>();
        foreach (var mark in Marks)
        {
            int from = Math.Max(mark.Start, start), to = Math.Min(mark.End, end);
            // What is left of a content can be empty, and is still that content.
            bool empty = from == to && mark.Kind == MarkKind.Content && (mark.Start == mark.End || start == end);
            if (from < to || empty)
                marks.Add(mark with { Start = from - start, End = to - start });
        }
        return new Str(Text[start..end], [.. marks]);
    }

    public static Str Concat(Budget budget, Str first, Str second)
    {
        budget.Spend(first.Text.Length + second.Text.Length + (long)first.Marks.Length + second.Marks.Length);
        var marks = first.Marks;
        if (second.Marks.Length > 0)
        {
            marks = new Mark[first.Marks.Length + second.Marks.Length];
            first.Marks.CopyTo(marks, 0);
            for (int i = 0; i < second.Marks.Length; i++)
            {
                var mark = second.Marks[i];
                marks[first.Marks.Length + i] = mark with { Start = mark.Start + first.Text.Length, End = mark.End + first.Text.Length };
            }
        }
        return new Str(first.Text + second.Text, marks);
    }

    /// <summary>The same stretches after a change of each character for itself.</summary>
    public Str Map(Func<string, string> change)
    {
        string changed = change(Text);
        if (changed.Length == Text.Length || Marks.Length == 0)
            return new Str(changed, Marks);
        return new Str(changed, [.. Marks.Select(m => m with { Start = change(Text[..m.Start]).Length, End = change(Text[..m.End]).Length })]);
    }

    /// <summary>Where each code point begins, and the length at last.</summary>
    public int[] CodePoints()
    {
        var starts = new List<int>(Text.Length + 1);
        for (int i = 0; i < Text.Length; i++)
        {
            if (i == 0 || !char.IsLowSurrogate(Text[i]) || !char.IsHighSurrogate(Text[i - 1]))
                starts.Add(i);
        }
        starts.Add(Text.Length);
        return [.. starts];
    }

    public int Length => IsBasic ? Text.Length : CodePoints().Length - 1;
}

/// <summary>Builds a <see cref="Str"/> from pieces, within the budget of a rendering.</summary>
internal sealed class TextBuilder(Budget budget)
{
    private readonly StringBuilder _text = new();
    private List<Mark>? _marks;

    public int Length => _text.Length;

    public TextBuilder Append(string piece)
    {
        budget.Spend(piece.Length);
        _text.Append(piece);
        return this;
    }

    public TextBuilder Append(Str piece)
    {
        budget.Spend(piece.Marks.Length);
        foreach (var mark in piece.Marks)
            (_marks ??= []).Add(mark with { Start = mark.Start + _text.Length, End = mark.End + _text.Length });
        return Append(piece.Text);
    }

    /// <summary>Appends what stands for a string in another spelling, as with its quotes and escapes.</summary>
    public TextBuilder Append(string spelling, Str original)
    {
        foreach (var mark in original.Marks)
        {
            if (mark.Kind == MarkKind.Content)
                Mark(_text.Length, _text.Length + spelling.Length, mark.Message, mark.Kind);
        }
        return Append(spelling);
    }

    public void Mark(int start, int end, int message, MarkKind kind)
    {
        budget.Spend(1);
        (_marks ??= []).Add(new Mark(start, end, message, kind));
    }

    public Str ToStr() => _text.Length == 0 && _marks is null ? Str.Empty : new Str(_text.ToString(), _marks?.ToArray());
}
