// PNG over libpng. Every kind becomes 8-bit RGB as Pillow's convert("RGB") gives it: palettes and grey
// are expanded, alpha is dropped unless it is asked for, gamma is left alone. Of 16-bit samples the high byte is kept, but
// grey ones without alpha are cut off at 255: to Pillow they are numbers (mode I), not shades.
#include "formats.h"

#include <csetjmp>
#include <cstdlib>
#include <cstring>

#include <png.h>

namespace nanovlm::image {
namespace {

struct Input {
    const uint8_t *data;
    size_t left;
};

struct Output {
    uint8_t *data;
    size_t size;
    size_t capacity;
};

[[noreturn]] void fail(png_structp png, png_const_charp text) {
    auto *message = static_cast<Message *>(png_get_error_ptr(png));
    if (message->text != nullptr && message->text[0] == '\0') message->set("its PNG data cannot be read: %s", text);
    png_longjmp(png, 1);
}

void ignore(png_structp, png_const_charp) {}

void read_bytes(png_structp png, png_bytep target, size_t count) {
    auto *input = static_cast<Input *>(png_get_io_ptr(png));
    if (count > input->left) {
        static_cast<Message *>(png_get_error_ptr(png))->set("its PNG data ends before the picture does; the file is truncated");
        png_error(png, "truncated");
    }
    memcpy(target, input->data, count);
    input->data += count;
    input->left -= count;
}

void write_bytes(png_structp png, png_bytep source, size_t count) {
    auto *output = static_cast<Output *>(png_get_io_ptr(png));
    if (output->capacity - output->size < count) {
        size_t capacity = (output->size + count) * 2;
        auto *grown = static_cast<uint8_t *>(realloc(output->data, capacity));
        if (grown == nullptr) png_error(png, "out of memory");
        output->data = grown;
        output->capacity = capacity;
    }
    memcpy(output->data + output->size, source, count);
    output->size += count;
}

void flush(png_structp) {}

// Chunks that do not change the pixels: skipped unread, so that a damaged comment or profile costs nothing.
void skip_ancillary(png_structp png) {
#ifdef PNG_HANDLE_AS_UNKNOWN_SUPPORTED
    static const png_byte names[] = "bKGD\0cHRM\0eXIf\0gAMA\0hIST\0iCCP\0iTXt\0oFFs\0pCAL\0pHYs\0sBIT\0sCAL\0sPLT\0sRGB\0sTER\0tEXt\0tIME\0zTXt";
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, names, static_cast<int>(sizeof names / 5));
#else
    (void)png;
#endif
}

struct Grey16 {
    int channels;
    int transparent; // the byte that is not shown, -1 for none
};

// From the last pixel to the first, for the row grows where it stands.
void cut_grey16(png_structp png, png_row_infop row, png_bytep bytes) {
    const auto *kind = static_cast<const Grey16 *>(png_get_user_transform_ptr(png));
    for (png_size_t x = row->width; x-- > 0;) {
        const png_byte value = bytes[2 * x] != 0 ? 255 : bytes[2 * x + 1];
        png_byte *pixel = bytes + x * static_cast<png_size_t>(kind->channels);
        pixel[0] = pixel[1] = pixel[2] = value;
        if (kind->channels == 4) pixel[3] = value == kind->transparent ? 0 : 255;
    }
}

} // namespace

int32_t read_png(const uint8_t *data, size_t length, nvlm_image_info *picture, const Target &target, Message message) {
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &message, fail, ignore);
    png_infop info = png == nullptr ? nullptr : png_create_info_struct(png);
    if (info == nullptr) {
        png_destroy_read_struct(&png, &info, nullptr);
        message.set("out of memory");
        return NVLM_IMAGE_OUT_OF_MEMORY;
    }
    Input input{data, length};
    Grey16 grey{target.channels, -1};
    if (setjmp(png_jmpbuf(png))) {
        png_destroy_read_struct(&png, &info, nullptr);
        return NVLM_IMAGE_CORRUPT;
    }
    png_set_read_fn(png, &input, read_bytes);
    png_set_user_limits(png, 0x7fffffff, 0x7fffffff); // the number of pixels is limited below
    skip_ancillary(png);
    png_read_info(png, info);
    const png_uint_32 columns = png_get_image_width(png, info);
    const png_uint_32 rows = png_get_image_height(png, info);
    const uint64_t pixels = static_cast<uint64_t>(columns) * rows;
    const png_byte color = png_get_color_type(png, info);
    const bool transparent = png_get_valid(png, info, PNG_INFO_tRNS) != 0;
    *picture = {static_cast<int32_t>(columns), static_cast<int32_t>(rows), transparent || (color & PNG_COLOR_MASK_ALPHA) != 0};
    int32_t status = NVLM_IMAGE_OK;
    if (pixels > target.max_pixels) {
        status = refuse_size(columns, rows, target, message);
    } else if (png_get_rowbytes(png, info) / 1100 * rows > length) {
        // Deflate shrinks at most 1032 times: so little data cannot hold the picture, and no memory is spent on it.
        message.set("its PNG data ends before the picture does; %zu bytes cannot hold %u x %u pixels", length, columns, rows);
        status = NVLM_IMAGE_CORRUPT;
    } else if (target.pixels != nullptr && target.size != pixels * static_cast<uint64_t>(target.channels)) {
        status = refuse_buffer(pixels * static_cast<uint64_t>(target.channels), target.size, message);
    } else if (target.pixels != nullptr) {
        if (color == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png);
        if (color == PNG_COLOR_TYPE_GRAY && png_get_bit_depth(png, info) < 8) png_set_expand_gray_1_2_4_to_8(png);
        if (color == PNG_COLOR_TYPE_GRAY && png_get_bit_depth(png, info) == 16) {
            png_color_16p key = nullptr;
            // Pillow compares the low byte of the key with the pixel as cut off.
            if (transparent && png_get_tRNS(png, info, nullptr, nullptr, &key) != 0 && key != nullptr) grey.transparent = key->gray & 0xff;
            png_set_read_user_transform_fn(png, cut_grey16);
            png_set_user_transform_info(png, &grey, 8, target.channels);
        } else {
            if (png_get_bit_depth(png, info) == 16) png_set_strip_16(png);
            if ((color & PNG_COLOR_MASK_COLOR) == 0) png_set_gray_to_rgb(png);
            if (target.channels == 3) png_set_strip_alpha(png);
            else if (transparent) png_set_tRNS_to_alpha(png);
        }
        const int passes = png_set_interlace_handling(png);
        png_read_update_info(png, info);
        const size_t stride = static_cast<size_t>(columns) * static_cast<size_t>(target.channels);
        if (png_get_rowbytes(png, info) != stride) png_error(png, "unexpected row size");
        for (int pass = 0; pass < passes; pass++)
            for (png_uint_32 y = 0; y < rows; y++) png_read_row(png, target.pixels + y * stride, nullptr);
        png_read_end(png, nullptr);
    }
    png_destroy_read_struct(&png, &info, nullptr);
    return status;
}

int32_t write_png(const uint8_t *rgb, int32_t width, int32_t height, uint8_t **result, size_t *result_size, Message message) {
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &message, fail, ignore);
    png_infop info = png == nullptr ? nullptr : png_create_info_struct(png);
    if (info == nullptr) {
        png_destroy_write_struct(&png, &info);
        message.set("out of memory");
        return NVLM_IMAGE_OUT_OF_MEMORY;
    }
    Output output{};
    if (setjmp(png_jmpbuf(png))) {
        png_destroy_write_struct(&png, &info);
        free(output.data);
        message.set("a PNG of %d x %d pixels could not be written: not enough memory", width, height);
        return NVLM_IMAGE_OUT_OF_MEMORY;
    }
    png_set_write_fn(png, &output, write_bytes, flush);
    png_set_user_limits(png, 0x7fffffff, 0x7fffffff);
    png_set_IHDR(png, info, static_cast<png_uint_32>(width), static_cast<png_uint_32>(height), 8, PNG_COLOR_TYPE_RGB,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    const size_t stride = static_cast<size_t>(width) * 3;
    for (int32_t y = 0; y < height; y++) png_write_row(png, rgb + static_cast<size_t>(y) * stride);
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    *result = output.data;
    *result_size = output.size;
    return NVLM_IMAGE_OK;
}

} // namespace nanovlm::image
