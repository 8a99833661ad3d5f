using System.Globalization;
using System.Text.Unicode;

namespace NanoVlm.Text.Decoders;

/// <summary>Joins runs of byte tokens such as <c>&lt;0x0A&gt;</c>; a run that is not UTF-8 becomes one U+FFFD a byte.</summary>
internal sealed class ByteFallback : Decoder
{
    public override bool JoinsBytes => true;

    public static bool IsByte(string token, out byte value)
    {
        value = 0;
        return token.Length == 6 && token.StartsWith("<0x", StringComparison.Ordinal) && token[5] == '>'
            && byte.TryParse(token.AsSpan(3, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
    }

    public override IReadOnlyList<string> Apply(IReadOnlyList<string> tokens)
    {
        var output = new List<string>(tokens.Count);
        var run = new List<byte>();
        foreach (string token in tokens)
        {
            if (IsByte(token, out byte b))
            {
                run.Add(b);
                continue;
            }
            EndRun();
            output.Add(token);
        }
        EndRun();
        return output;

        void EndRun()
        {
            byte[] bytes = [.. run];
            if (Utf8.IsValid(bytes))
                output.Add(System.Text.Encoding.UTF8.GetString(bytes));
            else
                output.AddRange(Enumerable.Repeat("\uFFFD", bytes.Length));
            run.Clear();
        }
    }
}
