using System.Runtime.InteropServices;

namespace NanoVlm.Data.Sources;

/// <summary>Where a row lies in a file.</summary>
/// <param name="Offset">Its first byte.</param>
/// <param name="Length">Its bytes.</param>
/// <param name="Line">The line it begins on, from 1.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct RowPlace(long Offset, int Length, int Line)
{
    /// <summary>Finds the rows of a JSONL file, or the elements of a JSON file that is one array, in one pass over the bytes.</summary>
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
        if (first == '[')
            return Elements(file, line);
        file.Position--;
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

    // Follows brackets and strings only; what is between them is judged when the row is read.
    private static List<RowPlace> Elements(FileStream file, int line)
    {
        var rows = new List<RowPlace>();
        long start = -1, at = file.Position;
        int depth = 0, startLine = 0;
        bool text = false, escaped = false;
        for (int value; (value = file.ReadByte()) >= 0; at++)
        {
            if (value == '\n')
                line++;
            var ends = !text && depth == 0 && (value == ',' || value == ']');
            if (ends && start >= 0)
                rows.Add(new RowPlace(start, checked((int)(at - start)), startLine));
            if (ends)
            {
                start = -1;
                if (value == ']')
                    return rows;
                continue;
            }
            if (start < 0 && value is not (' ' or '\t' or '\r' or '\n'))
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
            else if (value is '}' or ']')
                depth--;
        }
        if (start >= 0) // the file ends within a row: reading it will say so
            rows.Add(new RowPlace(start, checked((int)(at - start)), startLine));
        return rows;
    }
}
