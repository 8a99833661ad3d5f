namespace NanoVlm.Tests.Text;

/// <summary>
/// What the shapes tokenizer learns from: questions and answers about coloured shapes, and some plain English so that other
/// text is not all single letters.
/// </summary>
internal static class ShapesCorpus
{
    public static readonly string[] Colours = ["red", "green", "blue", "yellow", "purple", "orange"];
    public static readonly string[] Shapes = ["circle", "square", "triangle"];
    public static readonly string[] Sizes = ["small", "large"];

    private static readonly string[] _relations = ["left of", "right of", "above", "below"];

    /// <summary>All texts; questions and answers weigh more than English.</summary>
    public static IEnumerable<string> Texts()
    {
        foreach (string question in Questions())
            yield return question;
        string[] single = ["user", "assistant", "system", "\n", "What", "How", "Is", "Do", "Which", "yes", "no", " yes", " no", .. Colours, .. Shapes, .. Sizes];
        foreach (string word in single)
        {
            for (int i = 0; i < 40; i++)
                yield return word;
        }
        string[] spaced = ["object", "objects", "others", "image", "images", .. Colours, .. Sizes, .. Shapes, .. Shapes.Select(s => $"{s}s")];
        foreach (string word in spaced)
        {
            for (int i = 0; i < 20; i++)
                yield return $" {word}";
        }
        foreach (string line in _english.Split('\n'))
        {
            yield return line;
            yield return $" {line.ToLowerInvariant()}";
        }
    }

    /// <summary>Each kind of question, with each of its words in each place.</summary>
    public static IEnumerable<string> Questions()
    {
        foreach (string shape in Shapes)
        {
            yield return $"What colour is the {shape}?";
            yield return $"How many {shape}s are there?";
            foreach (string size in Sizes)
            {
                yield return $"What colour is the {size} {shape}?";
                yield return $"What is the colour of the {size} {shape}?";
            }
            foreach (string colour in Colours)
            {
                yield return $"{(colour == "orange" ? "Is there an" : "Is there a")} {colour} {shape}?";
                yield return $"{(colour == "orange" ? "Do you see an" : "Do you see a")} {colour} {shape}?";
                yield return $"How many {colour} {shape}s do you see?";
                yield return $"What size is the {colour} {shape}?";
                yield return $"How many {colour} {shape}s are there?";
                foreach (string relation in _relations)
                    yield return $"Is the {colour} {shape} {relation} the {Next(Colours, colour)} {Next(Shapes, shape)}?";
            }
        }
        foreach (string colour in Colours)
        {
            yield return $"What shape is the {colour} object?";
            yield return $"How many {colour} objects are there?";
            foreach (string size in Sizes)
            {
                yield return $"What shape is the {size} {colour} object?";
                yield return $"What is the shape of the {size} {colour} object?";
            }
        }
        foreach (string size in Sizes)
            yield return $"How many {size} objects are there?";
        foreach (string relation in _relations)
            yield return $"Which shape is {relation} the others?";
        yield return "Is there an object in the image?";
        yield return "How many objects do you see?";
    }

    private static string Next(string[] words, string word) => words[(Array.IndexOf(words, word) + 1) % words.Length];

    private const string _english = """
        You are a helpful assistant. You look at the picture and answer the question in one word.
        The picture shows some shapes on a plain background. They do not overlap.
        It was a quiet morning and the light came in through the window of the little room.
        She put the book on the table, opened it at the first page and began to read.
        There is nothing to do here but wait for the rain to stop, he said, and went on with his work.
        We walked along the river until we came to the old bridge, where we could see the whole town.
        When you have found the answer, write it down and tell me how you found it.
        Can you describe what you see? I can see a house, a tree, two people and a dog.
        They would have gone with us, but they had not been told about it in time.
        Every year more people come to this part of the country to see the mountains and the sea.
        A good tool should do one thing and do it well; then other tools can be built on it.
        This is the first time that anyone has tried to make a machine that learns from pictures and words.
        The model reads the image, then the question, and gives its answer after that.
        Numbers such as zero, one, two, three, four, five, six, seven, eight, nine and ten are words as well.
        Please explain in your own words why the sky looks blue and the grass looks green.
        If it does not work the first time, look for what is different, change one thing and try again.
        His brother and his mother were standing under the tree near the door, talking about nothing in particular.
        What is the name of the street where the station used to be? I think it was Station Road.
        """;
}
