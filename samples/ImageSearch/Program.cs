// Searches a folder of pictures by a picture: a vision tower, such as DINOv3, makes a vector of each, and those of pictures that are alike point the
// same way.
using NanoVlm.Images;
using NanoVlm.Models;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

if (args.Length != 3)
{
    Console.Error.WriteLine("usage: ImageSearch MODEL_FOLDER PICTURE_FOLDER PICTURE");
    return 2;
}
var (model, folder, query) = (args[0], args[1], args[2]);

using var tower = Pretrained.LoadVisionTower(model);
var processor = PreprocessorFile.Open(Path.Combine(model, PreprocessorFile.FileName));
string[] kinds = [".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp"];
var files = Directory.EnumerateFiles(folder).Where(file => kinds.Contains(Path.GetExtension(file).ToLowerInvariant())).Order().ToArray();

using var scope = NewDisposeScope();
var index = cat(files.Chunk(16).Select(Embed).ToArray(), 0); // [N, hidden]
var cosines = index.matmul(Embed([query]).t()).flatten().data<float>().ToArray();
foreach (var (cosine, file) in cosines.Zip(files).OrderByDescending(pair => pair.First).Take(5))
    Console.WriteLine(FormattableString.Invariant($"{cosine:0.000}  {Path.GetFileName(file)}"));
return 0;

// A unit vector of each picture: [N, hidden].
Tensor Embed(string[] pictures)
{
    using var inner = NewDisposeScope();
    using var mode = no_grad();
    var images = pictures.AsParallel().AsOrdered().Select(picture => processor.Process(ImageCodec.Load(picture, processor.Decoding))).ToArray();
    var pixels = tensor(images.SelectMany(image => image.Pixels).ToArray(), [images.Length, 3, images[0].Height, images[0].Width]);
    return functional.normalize(tower.Pool(tower.call(pixels, ScalarType.Float32))).MoveToOuterDisposeScope();
}
