// The entry points: find the format by its first bytes, hand over to it.
#include "formats.h"

#include <cstdlib>
#include <cstring>

namespace nanovlm::image {
namespace {

struct Signature {
    const char *name;
    size_t offset;
    const char *bytes;
    size_t length;
};

// Formats that are recognised only to be named when they are refused.
constexpr Signature unsupported[] = {
    {"GIF", 0, "GIF8", 4},         {"BMP", 0, "BM", 2},             {"TIFF", 0, "II*\0", 4},
    {"TIFF", 0, "MM\0*", 4},       {"RIFF", 0, "RIFF", 4},          {"AVIF", 4, "ftypavif", 8},
    {"HEIC", 4, "ftypheic", 8},    {"JPEG 2000", 4, "jP  ", 4},     {"PDF", 0, "%PDF", 4},
    {"HTML", 0, "<!DOCTYPE", 9},   {"HTML", 0, "<html", 5},         {"Git LFS pointer", 0, "version https://git-lfs", 23},
};

bool starts_with(const uint8_t *data, size_t length, const Signature &signature) {
    return length >= signature.offset + signature.length &&
           memcmp(data + signature.offset, signature.bytes, signature.length) == 0;
}

int32_t refuse_format(const uint8_t *data, size_t length, Message message) {
    if (length == 0) {
        message.set("it is empty; JPEG, PNG and WebP are supported");
        return NVLM_IMAGE_UNKNOWN_FORMAT;
    }
    char first[8 * 3 + 1] = "";
    size_t used = 0;
    for (size_t i = 0; i < length && i < 8; i++)
        used += static_cast<size_t>(snprintf(first + used, sizeof first - used, i == 0 ? "%02X" : " %02X", data[i]));
    for (const Signature &signature : unsupported) {
        if (!starts_with(data, length, signature)) continue;
        message.set("it is a %s file (first bytes %s); JPEG, PNG and WebP are supported", signature.name, first);
        return NVLM_IMAGE_UNKNOWN_FORMAT;
    }
    message.set("its format is unknown (first bytes %s); JPEG, PNG and WebP are supported", first);
    return NVLM_IMAGE_UNKNOWN_FORMAT;
}

int32_t read(const uint8_t *data, size_t length, nvlm_image_info *info, const Target &target, Message message) {
    constexpr Signature jpeg{"JPEG", 0, "\xFF\xD8\xFF", 3};
    constexpr Signature png{"PNG", 0, "\x89PNG\r\n\x1A\n", 8};
    constexpr Signature riff{"RIFF", 0, "RIFF", 4};
    constexpr Signature webp{"WebP", 8, "WEBP", 4};
    message.set("%s", "");
    if (data == nullptr && length > 0) {
        message.set("no data was given");
        return NVLM_IMAGE_BAD_ARGUMENT;
    }
    if (starts_with(data, length, jpeg)) return read_jpeg(data, length, info, target, message);
    if (starts_with(data, length, png)) return read_png(data, length, info, target, message);
    if (starts_with(data, length, riff) && starts_with(data, length, webp)) return read_webp(data, length, info, target, message);
    return refuse_format(data, length, message);
}

} // namespace
} // namespace nanovlm::image

using namespace nanovlm::image;

int32_t nvlm_image_read_info(const uint8_t *data, size_t length, uint64_t max_pixels, nvlm_image_info *info, char *message,
                             size_t message_size) {
    return read(data, length, info, {max_pixels, 3, nullptr, 0}, {message, message_size});
}

int32_t nvlm_image_decode(const uint8_t *data, size_t length, int32_t channels, uint8_t *pixels, size_t size, char *message,
                          size_t message_size) {
    if (pixels == nullptr || (channels != 3 && channels != 4)) {
        Message{message, message_size}.set("a buffer for pixels of 3 or 4 channels is needed");
        return NVLM_IMAGE_BAD_ARGUMENT;
    }
    nvlm_image_info info;
    return read(data, length, &info, {NVLM_IMAGE_MAX_PIXELS, channels, pixels, size}, {message, message_size});
}

int32_t nvlm_image_encode_png(const uint8_t *rgb, int32_t width, int32_t height, uint8_t **png, size_t *png_size, char *message,
                              size_t message_size) {
    Message text{message, message_size};
    text.set("%s", "");
    *png = nullptr;
    *png_size = 0;
    if (width < 1 || height < 1) {
        text.set("a picture of %d x %d pixels has nothing to encode", width, height);
        return NVLM_IMAGE_BAD_ARGUMENT;
    }
    return write_png(rgb, width, height, png, png_size, text);
}

void nvlm_image_free(uint8_t *memory) { free(memory); }
