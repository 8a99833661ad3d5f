namespace NanoVlm.Evaluation.Running;

/// <summary>Files that are written whole or not at all.</summary>
internal static class WholeFile
{
    /// <exception cref="NanoVlmException">It cannot be written; what was there before is whole.</exception>
    internal static void Write(string path, string text)
    {
        var temporary = path + ".new";
        try
        {
            if (Path.GetDirectoryName(Path.GetFullPath(path)) is { } folder) Directory.CreateDirectory(folder);
            using (var stream = new FileStream(temporary, FileMode.Create, FileAccess.Write))
            {
                using var writer = new StreamWriter(stream, leaveOpen: true);
                writer.Write(text);
                writer.Flush();
                stream.Flush(flushToDisk: true);
            }
            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            try
            {
                File.Delete(temporary);
            }
            catch (Exception again) when (again is IOException or UnauthorizedAccessException)
            {
                // Nor can it be deleted; why it could not be written is what counts.
            }
            throw new NanoVlmException($"{path}: cannot be written: {e.Message}", e);
        }
    }
}
