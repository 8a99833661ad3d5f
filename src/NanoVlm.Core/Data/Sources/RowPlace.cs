using System.Runtime.InteropServices;

namespace NanoVlm.Data.Sources;

/// <summary>Where a row lies in a file.</summary>
/// <param name="Offset">Its first byte.</param>
/// <param name="Length">Its bytes.</param>
/// <param name="Line">The line it begins on, from 1.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct RowPlace(long Offset, int Length, int Line)
{
    /// <summary>Finds the rows of a JSONL file, or the elements of a JSON file that is one array, in one pass over the bytes. A <c>.jsonl</c> file
    /// has lines, and a <c>.json</c> file that begins with a bracket is an array; any other is one if it is a single array from end to end.</summary>
    /// <exception cref="NanoVlmException">The array of a <c>.json</c> file does not end, or ends before the file does; names file and line.</exception>
    public static List<RowPlace> Find(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1 << 16, FileOptions.SequentialScan);
        int first;
        var line = 1;
        do
        {
            first = file.ReadByte();
            if (first == '\n')
                line++;
        }
        while (first is ' ' or '\t' or '\r' or '\n' or 0xEF or 0xBB or 0xBF); // with or without a byte order mark
        if (first < 0)
            return [];
        var start = file.Position;
        var kind = Path.GetExtension(path).ToLowerInvariant();
        if (first == '[' && kind != ".jsonl")
        {
            var (rows, fault) = Elements(file, line);
            if (fault is null)
                return rows;
            if (kind == ".json")
                throw new NanoVlmException($"{path}:{fault}; expected one JSON array of objects. Mend or fetch the file, or name it .jsonl if it has an object a line.");
        }
        file.Position = start - 1;
        return Lines(file, line);
    }

    private static List<RowPlace> Lines(FileStream file, int line)
    {
        var rows = new List<RowPlace>();
        long start = file.Position, at = start;
        var blank = true;
        for (int value; (value = file.ReadByte()) >= 0; at++)
        {
            if (value == '\n')
            {
                End();
                (start, blank) = (at + 1, true);
                line++;
            }
            else if (value is not (' ' or '\t' or '\r'))
                blank = false;
        }
        End();
        return rows;

        void End()
        {
            if (!blank)
                rows.Add(new RowPlace(start, checked((int)(at - start)), line));
        }
    }

    // Follows brackets and strings only; what is between them is judged when the row is read. A fault begins with its line.
    private static (List<RowPlace> Rows, string? Fault) Elements(FileStream file, int line)
    {
        var rows = new List<RowPlace>();
        long start = -1, at = file.Position;
        int depth = 0, startLine = line;
        bool text = false, escaped = false, closed = false;
        for (int value; (value = file.ReadByte()) >= 0; at++)
        {
            if (value == '\n')
                line++;
            var blank = value is ' ' or '\t' or '\r' or '\n';
            if (closed)
            {
                if (!blank)
                    return (rows, $"{line}: something follows the array's closing bracket");
                continue;
            }
            if (!text && depth == 0 && value is (',' or ']'))
            {
                if (start >= 0)
                    rows.Add(new RowPlace(start, checked((int)(at - start)), startLine));
                (start, startLine, closed) = (-1, line, value == ']');
                continue;
            }
            if (start < 0 && !blank)
                (start, startLine) = (at, line);
            if (text)
            {
                if (value == '"' && !escaped)
                    text = false;
                escaped = value == '\\' && !escaped;
            }
            else if (value == '"')
                text = true;
            else if (value is '{' or '[')
                depth++;
            else if (value is '}' or ']' && --depth < 0)
                return (rows, $"{startLine}: the element that begins here has a closing brace too many");
        }
        return (rows, closed ? null : start < 0 ? $"{line}: the file ends before the array's closing bracket"
            : $"{startLine}: the element that begins here does not end: {(text ? "a string is not closed" : depth > 0 ? "a brace or bracket is not closed" : "the array's closing bracket is missing")}");
    }
}
