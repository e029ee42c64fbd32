/* SPDX-License-Identifier: MIT */
/*
 * Which files the loader takes for plugins, and what it says about the others: the search, the
 * safety of files and folders, the descriptor. Nothing is started here.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/plugin/plugin.h"
#include "core/sys.h"
#include "tests/check_main.h"
#include "tests/contract/plugin_files.h"

static struct plugin_folder folder;
static const char *probe; /* a good one, as far as a case does not change that */
static struct peal_reason reason;
static struct peal_plugin plugin;

static void setup(void)
{
	folder = plugin_folder_make(NULL, NULL);
	probe = plugin_copy(&folder, "probe", "probe");
	plugin_search_in(&folder, NULL);
}

static void obtain(const char *name)
{
	int err = peal_plugin_obtain(&plugin, name, &reason);

	ck_assert_msg(!err, "%d: %s", err, reason.text);
	ck_assert_str_eq(plugin.name, name);
}

/* The reason has to hold all of these pieces, up to NULL. */
static void refuse_with(const char *name, int err, const char *const *pieces)
{
	reason.text[0] = '\0';
	ck_assert_int_eq(peal_plugin_obtain(&plugin, name, &reason), err);
	for (; *pieces; pieces++)
		ck_assert_msg(strstr(reason.text, *pieces), "\"%s\" is not in \"%s\"", *pieces,
			reason.text);
	/* Whole: long paths must not have pushed the advice out. */
	ck_assert_uint_lt(strlen(reason.text), sizeof(reason.text) - 1);
}

#define refuse(name, err, ...) refuse_with(name, err, (const char *const[]){ __VA_ARGS__, NULL })

/* The search */

START_TEST(a_good_one_is_found)
{
	obtain("probe");
	ck_assert_str_eq(plugin.version, "1.0-original");
}
END_TEST

START_TEST(the_first_folder_that_has_it_decides)
{
	struct plugin_folder empty = plugin_folder_make(NULL, NULL);
	struct plugin_folder other = plugin_folder_make(NULL, NULL);

	plugin_replace(plugin_copy(&other, "probe", "probe"), "1.0-original", "2.0-replaced");
	plugin_search_in(&empty, &other);
	obtain("probe");
	ck_assert_str_eq(plugin.version, "2.0-replaced");
	plugin_search_in(&folder, &other);
	obtain("probe");
	ck_assert_str_eq(plugin.version, "1.0-original");
	/* A bad one is not passed over in silence. */
	ck_assert_int_eq(chmod(probe, 0775), 0);
	refuse("probe", -EPERM, folder.path);
}
END_TEST

START_TEST(what_is_not_there)
{
	refuse("nothing", -ENOENT, "plugin nothing: there is no nothing.so in ", PEAL_PLUGIN_DIR,
		"PEAL_PLUGIN_PATH", "install it");
	unsetenv("PEAL_PLUGIN_PATH");
	refuse("probe", -ENOENT, "there is no probe.so in ", PEAL_PLUGIN_DIR);
	setenv("PEAL_PLUGIN_PATH", "/does/not/exist:/dev/null:::", 1);
	refuse("probe", -ENOENT, "there is no probe.so");
}
END_TEST

/* What a program loads must not depend on where it is started. */
START_TEST(relative_folders_are_not_looked_at)
{
	ck_assert_int_eq(chdir(folder.path), 0);
	setenv("PEAL_PLUGIN_PATH", ".:../x:", 1);
	refuse("probe", -ENOENT, "there is no probe.so");
}
END_TEST

START_TEST(folders_with_long_paths)
{
	char *path = malloc(3 * PATH_MAX);

	ck_assert_ptr_nonnull(path);
	memset(path, 'x', 2 * PATH_MAX);
	path[0] = '/';
	snprintf(path + 2 * PATH_MAX, PATH_MAX, ":%s", folder.path);
	setenv("PEAL_PLUGIN_PATH", path, 1);
	obtain("probe");
	free(path);
}
END_TEST

/* Ownership and modes */

static void spoil_mode(const char *path, mode_t mode, const char *who, const char *advice)
{
	ck_assert_int_eq(chmod(path, mode), 0);
	refuse("probe", -EPERM, who, advice, folder.path);
	ck_assert_int_eq(chmod(path, 0755), 0);
	obtain("probe");
}

START_TEST(files_that_others_may_write_to)
{
	spoil_mode(probe, 0775, "its group may write to the file", "chmod g-w it");
	spoil_mode(probe, 0757, "everybody may write to the file", "(mode 0757); chmod o-w it");
	spoil_mode(probe, 0666, "everybody may write to the file", "chmod go-w it");
}
END_TEST

START_TEST(folders_that_others_may_write_to)
{
	spoil_mode(folder.path, 0775, "its group may write to the folder", "chmod g-w it");
	spoil_mode(folder.path, 0757, "everybody may write to the folder", "chmod o-w it");
	/* In a sticky one they could still add what is missing. */
	spoil_mode(folder.path, 01777, "everybody may write to the folder",
		"(mode 1777); chmod go-w it");
}
END_TEST

START_TEST(files_and_folders_of_somebody_else)
{
	if (geteuid() != 0)
		peal_skip("needs root to give files away");
	ck_assert_int_eq(chown(probe, 65534, (gid_t)-1), 0);
	refuse("probe", -EPERM, "the file ", folder.path, "belongs to uid 65534",
		"give it to root or to uid 0");
	ck_assert_int_eq(chown(probe, 0, (gid_t)-1), 0);
	obtain("probe");
	ck_assert_int_eq(chown(folder.path, 65534, (gid_t)-1), 0);
	refuse("probe", -EPERM, "the folder ", "belongs to uid 65534");
}
END_TEST

struct other_user {
	struct peal_sys_hook hook;
	uid_t uid;
};

static bool be_other_user(struct peal_sys_hook *hook, long number, long *result)
{
	*result = PEAL_CONTAINER_OF(hook, struct other_user, hook)->uid;
	return number == SYS_geteuid;
}

/* The same without root: the kernel seems to say that we are somebody else. */
START_TEST(files_of_the_user_and_of_root)
{
	struct other_user user = { .hook.call = be_other_user, .uid = 4711 };
	uid_t owner = geteuid();

	peal_sys_hook = &user.hook;
	if (owner == 0)
		obtain("probe");
	else
		refuse("probe", -EPERM, "the folder ", "give it to root or to uid 4711");
	user.uid = owner;
	obtain("probe");
	peal_sys_hook = NULL;
}
END_TEST

START_TEST(links_in_place_of_the_file)
{
	const char *link = plugin_path(&folder, "linked.so");

	ck_assert_int_eq(symlink(probe, link), 0);
	refuse("linked", -EPERM, "linked.so is a symbolic link", "put the file itself there");
}
END_TEST

/* It is the folder at its end that counts. */
START_TEST(links_to_folders)
{
	struct plugin_folder other = plugin_folder_make(NULL, NULL);
	struct plugin_folder link;

	snprintf(link.path, sizeof(link.path), "%s", plugin_path(&other, "link"));
	ck_assert_int_eq(symlink(folder.path, link.path), 0);
	plugin_search_in(&link, NULL);
	obtain("probe");
	ck_assert_int_eq(chmod(folder.path, 0777), 0);
	refuse("probe", -EPERM, "the folder");
}
END_TEST

START_TEST(what_is_no_regular_file)
{
	ck_assert_int_eq(mkdir(plugin_path(&folder, "directory.so"), 0755), 0);
	refuse("directory", -ENOEXEC, "directory.so is not a regular file");
	/* Opening one to read would wait for a writer. */
	ck_assert_int_eq(mkfifo(plugin_path(&folder, "fifo.so"), 0644), 0);
	refuse("fifo", -ENOEXEC, "fifo.so is not a regular file");
}
END_TEST

/* Run the helper that tells what it finds, as it is or with the rights of another group. */
static int run_helper(const char *path)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		execl(path, path, "probe", (char *)NULL);
		_exit(99);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) != 99, "status %x", status);
	return WEXITSTATUS(status);
}

/* Some group that is not ours alone. */
static bool find_group(gid_t *group)
{
	gid_t groups[64];
	int count = getgroups(64, groups);

	*group = 65534;
	if (geteuid() == 0)
		return true;
	for (int i = 0; i < count; i++) {
		*group = groups[i];
		if (*group != getegid())
			return true;
	}
	return false;
}

START_TEST(privileged_programs_do_not_look_at_the_environment)
{
	const char *top = getenv("PEAL_BUILDDIR");
	struct statvfs fs;
	char command[PATH_MAX];
	const char *helper = plugin_path(&folder, "helper");
	gid_t group;

	ck_assert_int_eq(statvfs(folder.path, &fs), 0);
	if ((fs.f_flag & ST_NOSUID) || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0))
		peal_skip("set-group-ID has no effect here (nosuid, or no_new_privs)");
	if (!find_group(&group))
		peal_skip("the user is in one group only");
	snprintf(command, sizeof(command), "cp '%s/tests/contract/plugin_helper' '%s'",
		top ? top : ".", helper);
	ck_assert_int_eq(system(command), 0);
	ck_assert_int_eq(run_helper(helper), 0);
	ck_assert_int_eq(chown(helper, (uid_t)-1, group), 0);
	ck_assert_int_eq(chmod(helper, 02755), 0);
	ck_assert_int_eq(run_helper(helper), ENOENT);
}
END_TEST

/* What dlopen() makes of it */

START_TEST(files_that_are_no_shared_objects)
{
	const char *path = plugin_path(&folder, "broken.so");

	plugin_write(path, "#!/bin/sh\n", 10);
	refuse("broken", -ENOEXEC, "broken.so cannot be loaded: ");
	plugin_write(path, "", 0);
	refuse("broken", -ENOEXEC, "broken.so cannot be loaded: ", "too short");
	plugin_write(
		path, "\177ELF and so on, for long enough to be read as a header, but none", 64);
	refuse("broken", -ENOEXEC, "broken.so cannot be loaded: ", "ELF");
}
END_TEST

START_TEST(shared_objects_that_are_no_plugins)
{
	plugin_copy(&folder, "nosymbol", "nosymbol");
	refuse("nosymbol", -ENOEXEC, "nosymbol.so has no symbol peal_plugin",
		"define it with PEAL_PLUGIN");
	plugin_copy(&folder, "function", "function");
	refuse("function", -ENOEXEC, "the symbol peal_plugin of ", "is not an object");
}
END_TEST

START_TEST(a_descriptor_that_is_hardly_there)
{
	const char *sanitizer = getenv("PEAL_SANITIZER");

	if (sanitizer && strstr(sanitizer, "address"))
		peal_skip(
			"AddressSanitizer makes room around it, which libc takes for a part of it");
	plugin_copy(&folder, "tiny", "tiny");
	refuse("tiny", -ENOEXEC, "its descriptor has 4 bytes", "define it with PEAL_PLUGIN");
}
END_TEST

/* This program has the library linked in, and client brings the shared one. */
START_TEST(a_second_libpeal)
{
	if (access(plugin_built(".libs/client"), R_OK))
		peal_skip("there is no shared libpeal (--disable-shared)");
	plugin_copy(&folder, ".libs/client", "client");
	refuse("client", -ENOEXEC,
		"client.so brings a second libpeal into a program that has its own",
		"link the program with the shared libpeal");
}
END_TEST

static const char *mapped_from(void)
{
	Dl_info info;

	ck_assert_int_ne(dladdr(plugin.name, &info), 0);
	return info.dli_fname;
}

START_TEST(it_is_mapped_by_its_real_path)
{
	char *real = realpath(probe, NULL);

	obtain("probe");
	ck_assert_str_eq(mapped_from(), real);
	free(real);
}
END_TEST

/*
 * Where others may rename folders on the way, the file is opened by descriptor. Descriptors are
 * used again and again: what comes second must not be taken for the first.
 */
START_TEST(it_is_mapped_by_descriptor_where_the_path_is_not_firm)
{
	struct plugin_folder loose = plugin_folder_make(&folder, "loose");
	struct plugin_folder one = plugin_folder_make(&loose, "one");
	struct plugin_folder two = plugin_folder_make(&loose, "two");

	plugin_copy(&one, "probe", "probe");
	plugin_replace(plugin_copy(&two, "probe", "probe"), "1.0-original", "2.0-replaced");
	ck_assert_int_eq(chmod(loose.path, 0775), 0);
	plugin_search_in(&one, NULL);
	obtain("probe");
	ck_assert_str_eq(plugin.version, "1.0-original");
	ck_assert_int_eq(strncmp(mapped_from(), "/proc/self/fd/", 14), 0);
	plugin_search_in(&two, NULL);
	obtain("probe");
	ck_assert_str_eq(plugin.version, "2.0-replaced");
	plugin_search_in(&one, NULL);
	obtain("probe");
	ck_assert_str_eq(plugin.version, "1.0-original");
}
END_TEST

/* After an upgrade the new file is loaded, although libc has the old one by the same path. */
START_TEST(a_file_that_was_replaced)
{
	obtain("probe");
	plugin_replace(plugin_copy(&folder, "probe", "probe"), "1.0-original", "2.0-replaced");
	obtain("probe");
	ck_assert_str_eq(plugin.version, "2.0-replaced");
	obtain("probe");
	ck_assert_str_eq(plugin.version, "2.0-replaced");
}
END_TEST

/* To dlopen(), these are variables. */
START_TEST(dollars_in_paths)
{
	struct plugin_folder dollar = plugin_folder_make(&folder, "$LIB");

	plugin_copy(&dollar, "probe", "probe");
	plugin_search_in(&dollar, NULL);
	obtain("probe");
}
END_TEST

/* A swap between check and use: the folder that was checked stays the one that is used. */
START_TEST(a_folder_that_is_swapped)
{
	struct plugin_folder loose = plugin_folder_make(&folder, "loose");
	struct plugin_folder good = plugin_folder_make(&loose, "folder");
	struct plugin_folder evil = plugin_folder_make(&loose, "evil");
	struct peal_plugin_file file;
	const void *descriptor;
	size_t bytes;

	plugin_copy(&good, "probe", "probe");
	plugin_replace(plugin_copy(&evil, "probe", "probe"), "1.0-original", "6.6-replaced");
	ck_assert_int_eq(chmod(loose.path, 0777), 0);
	plugin_search_in(&good, NULL);
	ck_assert_int_eq(peal_plugin_find(&file, "probe", &reason), 0);
	ck_assert_int_eq(rename(good.path, plugin_path(&loose, "moved")), 0);
	ck_assert_int_eq(rename(evil.path, good.path), 0);
	ck_assert_int_eq(peal_plugin_open(&file, &descriptor, &bytes, &reason), 0);
	ck_assert_int_eq(peal_plugin_check(&plugin, descriptor, bytes, "probe", &reason), 0);
	ck_assert_str_eq(plugin.version, "1.0-original");
	peal_plugin_file_close(&file);
}
END_TEST

/* Every descriptor that was opened on the way is closed again. */
START_TEST(no_descriptor_is_left)
{
	int before = dup(0), after;

	obtain("probe");
	refuse("nothing", -ENOENT, "");
	ck_assert_int_eq(chmod(probe, 0777), 0);
	refuse("probe", -EPERM, "");
	plugin_write(plugin_path(&folder, "broken.so"), "?", 1);
	refuse("broken", -ENOEXEC, "");
	after = dup(0);
	ck_assert_int_eq(after, before + 1);
	close(before);
	close(after);
}
END_TEST

struct failing {
	struct peal_sys_hook hook;
	int calls_left;
};

static bool fail_later(struct peal_sys_hook *hook, long number, long *result)
{
	struct failing *failing = PEAL_CONTAINER_OF(hook, struct failing, hook);

	*result = -EMFILE;
	/* Closing is what must go on. */
	return number != SYS_close && failing->calls_left-- == 0;
}

/* Every call fails once: refused in words, or done in another way; and nothing stays open. */
START_TEST(calls_that_fail)
{
	struct failing failing = { .hook.call = fail_later };
	int before = dup(0), refused = 0, after;

	for (int n = 0; failing.calls_left <= 0; n++) {
		int err;

		failing.calls_left = n;
		reason.text[0] = '\0';
		peal_sys_hook = &failing.hook;
		err = peal_plugin_obtain(&plugin, "probe", &reason);
		peal_sys_hook = NULL;
		ck_assert_msg(!err || err == -EMFILE || err == -EPERM, "%d: %d", n, err);
		ck_assert_int_eq(err != 0, reason.text[0] != '\0');
		refused += err != 0;
		after = dup(0);
		ck_assert_int_eq(after, before + 1);
		close(after);
	}
	close(before);
	ck_assert_int_ge(refused, 4); /* two files opened, and looked at */
}
END_TEST

/* The descriptor */

#define patch(member, type, value)                                                                 \
	plugin_patch(plugin_copy(&folder, "probe", "probe"), offsetof(struct peal_plugin, member), \
		&(type){ value }, sizeof(type))

START_TEST(descriptors_of_other_versions)
{
	patch(magic, uint32_t, 0x12345678);
	refuse("probe", -ENOEXEC, "starts with 0x12345678 instead of 0x6c616570",
		"begin it with PEAL_PLUGIN_HEADER");
	patch(abi_major, uint16_t, PEAL_PLUGIN_ABI_MAJOR + 1);
	refuse("probe", -ENOEXEC, "made for plugin ABI 1.3, this libpeal has 0.3",
		"build it again");
	patch(abi_minor, uint16_t, PEAL_PLUGIN_ABI_MINOR + 1);
	refuse("probe", -ENOEXEC, "made for plugin ABI 0.4, this libpeal has 0.3",
		"a newer libpeal is needed");
	patch(abi_minor, uint16_t, 0);
	obtain("probe");
}
END_TEST

START_TEST(descriptors_of_other_sizes)
{
	patch(size, uint32_t, offsetof(struct peal_plugin, drain) - 1);
	refuse("probe", -ENOEXEC, "its descriptor says that it has 111 bytes, expected 112 to ");
	patch(size, uint32_t, 4096);
	refuse("probe", -ENOEXEC, "its descriptor says that it has 4096 bytes, expected 112 to ");
	patch(param_size, uint32_t, 8);
	refuse("probe", -ENOEXEC, "its parameters are of 8 bytes each");
	patch(counter_size, uint32_t, 16);
	refuse("probe", -ENOEXEC, "its counters are of 16 bytes each, expected at least 24");
}
END_TEST

START_TEST(descriptors_with_another_name)
{
	plugin_copy(&folder, "probe", "other");
	refuse("other", -ENOEXEC, "its descriptor calls it \"probe\"",
		"the file must be called like the plugin");
}
END_TEST

static Suite *find_suite(void)
{
	Suite *suite = suite_create("plugin_find");
	TCase *tcase = tcase_create("find");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, a_good_one_is_found);
	tcase_add_test(tcase, the_first_folder_that_has_it_decides);
	tcase_add_test(tcase, what_is_not_there);
	tcase_add_test(tcase, relative_folders_are_not_looked_at);
	tcase_add_test(tcase, folders_with_long_paths);
	tcase_add_test(tcase, files_that_others_may_write_to);
	tcase_add_test(tcase, folders_that_others_may_write_to);
	tcase_add_test(tcase, files_and_folders_of_somebody_else);
	tcase_add_test(tcase, files_of_the_user_and_of_root);
	tcase_add_test(tcase, links_in_place_of_the_file);
	tcase_add_test(tcase, links_to_folders);
	tcase_add_test(tcase, what_is_no_regular_file);
	tcase_add_test(tcase, privileged_programs_do_not_look_at_the_environment);
	tcase_add_test(tcase, files_that_are_no_shared_objects);
	tcase_add_test(tcase, shared_objects_that_are_no_plugins);
	tcase_add_test(tcase, a_descriptor_that_is_hardly_there);
	tcase_add_test(tcase, a_second_libpeal);
	tcase_add_test(tcase, it_is_mapped_by_its_real_path);
	tcase_add_test(tcase, it_is_mapped_by_descriptor_where_the_path_is_not_firm);
	tcase_add_test(tcase, a_file_that_was_replaced);
	tcase_add_test(tcase, dollars_in_paths);
	tcase_add_test(tcase, a_folder_that_is_swapped);
	tcase_add_test(tcase, no_descriptor_is_left);
	tcase_add_test(tcase, calls_that_fail);
	tcase_add_test(tcase, descriptors_of_other_versions);
	tcase_add_test(tcase, descriptors_of_other_sizes);
	tcase_add_test(tcase, descriptors_with_another_name);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return peal_check_main(find_suite());
}
