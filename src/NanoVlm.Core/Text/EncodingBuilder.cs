namespace NanoVlm.Text;

/// <summary>Collects the tokens of one sequence.</summary>
internal sealed class EncodingBuilder(int capacity)
{
    private int[] _ids = new int[capacity];
    private string[] _tokens = new string[capacity];
    private (int Start, int End)[] _offsets = new (int, int)[capacity];
    private int _count;

    public void Add(int id, string token, int start, int end)
    {
        if (_count == _ids.Length)
            Grow();
        _ids[_count] = id;
        _tokens[_count] = token;
        _offsets[_count++] = (start, end);
    }

    public Encoding Build() => new(_ids[.._count], _tokens[.._count], _offsets[.._count]);

    private void Grow()
    {
        int size = 2 * _count + 8;
        Array.Resize(ref _ids, size);
        Array.Resize(ref _tokens, size);
        Array.Resize(ref _offsets, size);
    }
}
