/*
 * special.c - fifos, sockets and device nodes: names with attributes, for the client to use.
 */
#include "tests/conformance/conformance.h"

BODY(a_fifo_and_a_socket_are_made, PLAIN | SPECIALS)
{
    struct object fifo, socket;
    expect_ok(t_mknod(here, "fifo", VFIFO, 0, 0, &fifo));
    expect_ok(t_mknod(here, "socket", VSOCK, 0, 0, &socket));
    expect_number(attr_of(fifo).type, VFIFO);
    expect_number(attr_of(socket).type, VSOCK);
    expect_number(attr_of(fifo).mode, 0644);
    expect_number(attr_of(fifo).nlink, 1);
    expect_number(attr_of(socket).size, 0);
    expect_entry(here, "fifo", fifo);
    expect_entry(here, "socket", socket);
}

BODY(special_files_have_attributes_like_others, PLAIN | SPECIALS)
{
    const struct timespec when = {.tv_sec = 1000000000, .tv_nsec = 1000};
    struct object fifo = make_fifo(here, "fifo");
    expect_ok(t_chmod(fifo, 0600));
    expect_ok(t_times(fifo, when, when));
    expect_number(attr_of(fifo).mode, 0600);
    expect(same_time(attr_of(fifo).mtime, when));
}

BODY(special_files_are_not_made_over_a_name, PLAIN | SPECIALS)
{
    struct object out, file = make_file(here, "file", "text");
    make_dir(here, "dir");
    expect_error(t_mknod(here, "file", VFIFO, 0, 0, &out), EEXIST);
    expect_error(t_mknod(here, "dir", VSOCK, 0, 0, &out), EEXIST);
    expect_entry(here, "file", file);
}

BODY(special_files_have_no_data_here, PLAIN | SPECIALS)
{
    struct object fifo = make_fifo(here, "fifo");
    char buf[8];
    size_t len = sizeof(buf);
    expect_error(t_read(fifo, 0, buf, &len, NULL), EINVAL, ENXIO, EISDIR);
    expect_error(t_write_text(fifo, 0, "text"), EINVAL, ENXIO);
    expect_error(t_truncate(fifo, 0), EINVAL);
}

BODY(files_and_directories_are_not_made_by_mknod, PLAIN | SPECIALS)
{
    struct object out;
    expect_error(t_mknod(here, "a", VREG, 0, 0, &out), VFS_EBADTYPE, EINVAL);
    expect_error(t_mknod(here, "b", VDIR, 0, 0, &out), VFS_EBADTYPE, EINVAL);
    expect_error(t_mknod(here, "c", VLNK, 0, 0, &out), VFS_EBADTYPE, EINVAL);
    expect_number(list_count(here), 0);
}

BODY(device_nodes_keep_their_numbers, PLAIN | DEVICES)
{
    static const uint32_t numbers[][2] = {
        {1, 3}, {8, 17}, {255, 255}, {259, 65536}, {511, 1048575}};
    struct object node;
    char name[] = "c0";
    for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        for (unsigned block = 0; block < 2; block++) {
            enum vtype type = block != 0 ? VBLK : VCHR;
            name[0] = block != 0 ? 'b' : 'c';
            name[1] = (char)('0' + i);
            expect_ok(t_mknod(here, name, type, numbers[i][0], numbers[i][1], &node));
            struct vattr attr = attr_of(node);
            expect_number(attr.type, type);
            expect_number(attr.rdev_major, numbers[i][0]);
            expect_number(attr.rdev_minor, numbers[i][1]);
        }
    }
}

BODY(device_nodes_have_no_data_here, PLAIN | DEVICES)
{
    struct object zero;
    char buf[8];
    size_t len = sizeof(buf);
    expect_ok(t_mknod(here, "zero", VCHR, 1, 5, &zero));
    expect_error(t_read(zero, 0, buf, &len, NULL), EINVAL, ENXIO);
    expect_error(t_write_text(zero, 0, "text"), EINVAL, ENXIO);
}

BODY(only_root_makes_device_nodes, PLAIN | SPECIALS | USERS)
{
    struct object out;
    expect_ok(t_chmod(here, 0777));
    as(1000, 1000);
    expect_error(t_mknod(here, "c", VCHR, 1, 3, &out), EPERM, EACCES);
    expect_error(t_mknod(here, "b", VBLK, 8, 0, &out), EPERM, EACCES);
    expect_ok(t_mknod(here, "fifo", VFIFO, 0, 0, &out));
    expect_number(attr_of(out).uid, 1000);
    expect_number(list_count(here), 1);
}
