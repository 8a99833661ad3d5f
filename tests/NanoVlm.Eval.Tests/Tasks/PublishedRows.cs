using NanoVlm.Data.Sources;
using NanoVlm.Evaluation.Tasks;
using NanoVlm.Images;

namespace NanoVlm.Evaluation.Tests.Tasks;

/// <summary>A column of a parquet file: how <see cref="TestParquet"/> writes it, and a value a row: one, an array (a list), or null.</summary>
internal sealed record Column(string Form, params object?[] Values);

/// <summary>Some rows of each benchmark with the columns that it is published with.</summary>
internal static class PublishedRows
{
    private static readonly object?[] Png = [.. Enumerable.Range(0, 3).Select(Picture)];

    public static readonly IReadOnlyDictionary<string, Column[]> Of = new Dictionary<string, Column[]>
    {
        ["mmstar"] =
        [
            new("index:int", 0, 1, 2), new("question", "Where is it? \nOptions: A: on the, er, book., B: under it, C: here, D: there", "Which one?\nOptions: A: a, B: b", "No list here"),
            .. Image("image"), new("answer", "A", "B", "C"), new("category", "math", "math", "coarse perception"), new("l2_category", "geometry", "statistical reasoning", "image emotion"),
            new("meta_info.source", "x", "y", "z"), new("meta_info.split", "x", "y", "z"), new("meta_info.image_path", "x", "y", "z"),
        ],
        ["mmmu_val"] =
        [
            new("id", "validation_Art_Theory_1", "validation_Math_2", "validation_Physics_3"),
            new("question", "Compare <image 2> with <image 1>. See <image 1>?", "<image 1> How many?", "Which?"),
            new("options", """['it\'s', "a \"b\"", 'x\ny', '\\alpha \beta']""", "[]", "['<image 1>', '<image 2>']"), new("explanation", "", "", ""),
            .. Image("image_1", Png[0], Png[1], Png[2]), .. Image("image_2", Png[1], null, Png[0]),
            .. Enumerable.Range(3, 5).SelectMany(k => Image($"image_{k}", null, null, null)), new("img_type", "['Plots']", "", ""), new("answer", "B", "['42', '42.0']", "A"),
            new("topic_difficulty", "Easy", "Easy", "Hard"), new("question_type", "multiple-choice", "open", "multiple-choice"), new("subfield", "", "", ""),
        ],
        ["scienceqa"] = Science(true),
        ["scienceqa_img"] = Science(false),
        ["ai2d"] = [new("question", "What is A?", "And B?", "C?"), new("options[]", (object[])["ear", "nose"], (object[])["x", "y", "z"], (object[])["p", "q"]), new("answer", "1", "2", "0"), .. Image("image")],
        ["chartqa"] = [new("type", "human_test", "augmented_test", "human_test"), new("question", "How many?", "What share?", "Which?"), new("answer", "14", "50%", "Yes"), .. Image("image")],
        ["docvqa_val"] = Document(),
        ["infovqa_val"] = Document(),
        ["textvqa_val"] =
        [
            new("image_id", "a", "b", "c"), new("question_id:int32", 34602, 34603, 34604), new("question", "what is THE Brand?", "is it?", "Éa"), .. Image("image"),
            new("answers[]", Ten("nokia"), Ten("yes"), Ten("no")), new("image_width:int", 1, 2, 3), new("ocr_tokens[]", (object[])["NOKIA"], null, Array.Empty<object>()),
        ],
        ["vqav2_val"] =
        [
            new("question_type", "is", "how many", "what"), new("multiple_choice_answer", "yes", "2", "red"), new("answers[].answer", Ten("yes"), Ten("2"), Ten("red")),
            new("answers[].answer_confidence", Ten("yes"), Ten("maybe"), Ten("no")), new("answers[].answer_id:int", Ids, Ids, Ids), new("image_id:int", 1, 2, 3),
            new("answer_type:dictionary", "yes/no", "number", "other"), new("question_id:int", 1000, 1001, 1002), new("question", "Is it?", "How many?", "What colour?"), .. Image("image"),
        ],
        ["ocrbench"] =
        [
            new("dataset", "IIIT5K", "HME100k", "FUNSD"), new("question", " what is written in the image? ", "Write it as LaTeX.", "What is the total?"),
            new("question_type", "Regular Text Recognition", "Handwritten Mathematical Expression Recognition", "Key Information Extraction"),
            new("answer[]", (object[])["CENTRE"], (object[])["x ^ 2"], (object[])["12.50", "12,50"]), .. Image("image"),
        ],
        ["mme"] =
        [
            new("question_id", "count/1.png", "count/1.png", "code_reasoning/7.png"), .. Image("image"),
            new("question", "Are there two? Please answer yes or no.", "Are there three? Please answer yes or no.", "Is the output 3? Please answer yes or no."),
            new("answer", "Yes", "No", "Yes"), new("category", "count", "count", "code_reasoning"),
        ],
        ["pope"] =
        [
            new("id", "0", "1", "2"), new("question_id", "1", "2", "1"), new("question", "Is there a snowboard in the image?", "Is there a car in the image?", "Is there a dog in the image?"),
            new("answer", "yes", "no", "no"), new("image_source", "a", "a", "b"), .. Image("image"), new("category", "adversarial", "adversarial", "random"),
        ],
        ["seedbench"] =
        [
            new("answer", "A", "d", "B"), new("choice_a", "One", "x", "v"), new("choice_b", "Two", "y", "v"), new("choice_c", "Three", "z", "v"), new("choice_d", "Four", "w", "v"),
            new("data_id", "1", "2", "v.mp4"), new("data_type", "image", "image", "video"), new("question", "How many towels?", "Where?", "What next?"),
            new("question_id", "101669", "101670", "9"), new("question_type_id:int32", 5, 4, 10), new("image[].bytes", (object?[])[Png[0]], (object?[])[Png[1]], Png), new("image[].path", (object?[])["a.png"], (object?[])[null], (object?[])["1", "2", "3"]),
        ],
        ["captioning"] =
        [
            new("question_id", "000000000139.jpg", "000000000285.jpg", "000000000632.jpg"), .. Image("image"), new("question", "Caption it.", "Caption it.", "Caption it."),
            new("answer[]", Captions, Captions, Captions), new("id:int", 139, 285, 632), new("license:int", 1, 1, 1), new("file_name", "a", "b", "c"), new("height:int", 4, 4, 4),
        ],
        ["flickr30k"] =
            [.. Image("image"), new("caption[]", Captions, Captions, Captions), new("sentids[]", (object[])["1"], (object[])["2"], (object[])["3"]), new("img_id", "0", "1", "2"), new("filename", "a", "b", "c")],
    };

    /// <summary>A picture as bytes and path; of three pictures, or of those given.</summary>
    public static Column[] Image(string name, params object?[] pictures)
    {
        if (pictures.Length == 0) pictures = Png;
        // A structure that is null has null for a value; one without a path has a list of null.
        return [new($"{name}.bytes", pictures), new($"{name}.path", [.. pictures.Select((picture, i) => picture is null ? null : i == 0 ? (object?)(object?[])[null] : $"{i}.png")])];
    }

    public static byte[] Picture(int seed)
    {
        var pixels = new byte[12 * 8 * 3];
        new Random(seed).NextBytes(pixels);
        return ImageCodec.EncodePng(new RgbImage(12, 8, pixels));
    }

    /// <summary>Writes a file of row groups of two rows.</summary>
    public static string Write(string path, IReadOnlyList<Column> columns)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        using var file = new TestParquet(path, [.. columns.Select(column => column.Form)]);
        var rows = columns[0].Values.Length;
        for (var first = 0; first < rows; first += 2)
        {
            var count = Math.Min(2, rows - first);
            file.Group(count, [.. columns.Select(column => column.Values.Skip(first).Take(count).Select(value => value switch { null => null, object?[] list => list, _ => [value] }).ToArray())]);
        }
        return path;
    }

    /// <summary>A column as a benchmark declares it, with one row that is null.</summary>
    public static Column[] Declared(TableColumn column) => column.Kind switch
    {
        TableKind.Text => [Null(column.Name)],
        TableKind.Label or TableKind.Integer => [Null($"{column.Name}:int32")],
        TableKind.Number => [Null($"{column.Name}:double")],
        TableKind.Texts => [Null($"{column.Name}[]")],
        TableKind.Structures => [.. column.Members.Select(member => Null($"{column.Name}[].{member}"))],
        TableKind.Image => [Null($"{column.Name}.bytes"), Null($"{column.Name}.path")],
        TableKind.Images => [Null($"{column.Name}[].bytes"), Null($"{column.Name}[].path")],
        _ => [Null(column.Name)],
    };

    /// <summary>Forms of a column that are not what it should be.</summary>
    public static string[] Otherwise(TableColumn column) => column.Kind switch
    {
        TableKind.Text => [$"{column.Name}:int", $"{column.Name}:double", $"{column.Name}[]", $"{column.Name}.value"],
        TableKind.Label => [$"{column.Name}:double", $"{column.Name}[]", $"{column.Name}.value"],
        TableKind.Integer => [column.Name, $"{column.Name}:float", $"{column.Name}[]:int"],
        TableKind.Texts => [column.Name, $"{column.Name}[]:int", $"{column.Name}[].text"],
        TableKind.Structures => [column.Name, $"{column.Name}[]", $"{column.Name}[].other", $"{column.Name}[].{column.Members[0]}:int"],
        TableKind.Image => [column.Name, $"{column.Name}[].bytes", $"{column.Name}.path", $"{column.Name}.bytes:int"],
        TableKind.Images => [column.Name, $"{column.Name}[]", $"{column.Name}.bytes", $"{column.Name}[].path"],
        _ => throw new ArgumentException($"{column} is not of a benchmark."),
    };

    public static Column Null(string form) => new(form, [null]);

    public static string RowsFile(this EvalTask task, string folder) => Write(Path.Combine(folder, task.Name, "data.parquet"), Of[task.Name]);

    private static object[] Ten(string answer) => [.. Enumerable.Repeat((object)answer, 10)];

    private static object[] Ids => [.. Enumerable.Range(1, 10).Select(id => (object)id)];

    private static object[] Captions => ["A man rides a horse.", "A person on a brown horse.", "Someone rides.", "Riding a horse.", "A horse with a rider."];

    private static Column[] Science(bool withText) =>
    [
        .. Image("image", Png[0], withText ? null : Png[1], Png[2]), new("question", "Which is hard?", "Why?", "Who?"),
        new("choices[]", (object[])["silk", "rock"], (object[])["a", "b", "c"], (object[])["p", "q"]), new("answer:int32", 1, 2, 0), new("hint", "Look closely.", "", "Read."),
        new("task", "closed choice", "", ""), new("grade", "grade2", "", ""), new("subject:dictionary", "natural science", "language science", "natural science"), new("topic", "", "", ""),
        new("category", "", "", ""), new("skill", "", "", ""), new("lecture", "", "", ""), new("solution", "", "", ""),
    ];

    private static Column[] Document() =>
    [
        new("questionId", "337", "338", "339"), new("question", "What is the date?", "Who signed?", "What sum?"), new("question_types[]", (object[])["handwritten"], null, (object[])["table"]),
        .. Image("image"), new("docId:int", 279, 280, 281), new("answers[]", (object[])["1/8/93", "Jan 8"], (object[])["Smith"], (object[])["$50"]), new("data_split", "val", "val", "val"),
    ];
}
