// Reads batches of pictures from ROOT/<class>/*.jpg, randomly cropped and flipped, with two loader threads.
//   pictures ROOT
#include <rensa/trainer/datasets/image_folder.h>
#include <rensa/trainer/iterators/multithread_iterator.h>

#include <iostream>

int main(int argc, char** argv) try {
  if (argc != 2) throw std::runtime_error("usage: pictures ROOT");
  auto folder = std::make_shared<rensa::ImageFolder>(argv[1], rensa::ImageFolderOptions{.crop = {.size = 96}});
  auto batches = rensa::make_iterator(folder, {.batch_size = 32, .repeat = false, .seed = 1}, {.threads = 2});

  while (const auto batch = batches->next()) {
    if (batch->size() == 0) continue;  // none of its pictures could be read
    std::cout << "x " << batch->x().shape() << ", first label " << batch->t().select(0, 0).item<int>() << " of "
              << folder->class_names().size() << " classes\n";
  }
} catch (const std::exception& error) {
  std::cerr << "pictures: " << error.what() << '\n';
  return 1;
}
