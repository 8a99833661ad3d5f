using NanoVlm.Training.Commands;

namespace NanoVlm.Training.Tests;

public sealed class PicturePathsTests
{
    [Theory]
    [InlineData("what is in /a/b.png?", "what is in <image>?", "/a/b.png")]
    [InlineData("./cat.JPG and ../dog.jpeg", "<image> and <image>", "./cat.JPG ../dog.jpeg")]
    [InlineData("'/with some/space.webp' what?", "<image> what?", "/with some/space.webp")]
    [InlineData("\"/with some/space.webp\" what?", "<image> what?", "/with some/space.webp")]
    [InlineData("is cat.png a good name for a file?", "is cat.png a good name for a file?", "")]
    [InlineData("no path at all.", "no path at all.", "")]
    public void Paths_become_image_marks_and_words_stay_words(string line, string text, string paths)
    {
        var found = PicturePaths.Of(line);
        Assert.Equal(text, found.Text);
        Assert.Equal(paths, string.Join(' ', found.Paths));
    }
}
